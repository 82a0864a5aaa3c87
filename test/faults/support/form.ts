import { inject } from 'vitest'

declare module 'vitest' {
  export interface ProvidedContext {
    isLongForm: boolean
  }
}

/** Of two numbers that of this form: the short one is a part of `npm test`, the long one is `npm run test:faults`. */
export const inForm = <T>(short: T, long: T): T => (inject('isLongForm') ? long : short)

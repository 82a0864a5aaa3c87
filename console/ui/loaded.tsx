import type { ComponentChildren } from 'preact'
import { Failed, Loading } from './states.tsx'
import type { Load } from './use-load.ts'

type Props<T> = { of: Load<T>; what: string; children: (data: T) => ComponentChildren }

/** What was loaded; until then that it loads, or why it could not. */
export function Loaded<T>({ of: { data, error, reload }, what, children }: Props<T>): ComponentChildren {
  if (data !== undefined) return children(data)
  return error === undefined ? <Loading what={what} /> : <Failed error={error} retry={reload} />
}

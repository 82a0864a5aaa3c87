/** In a message it asks the upstream to take its time. Every gateway passes messages on, so one upstream serves both kinds. */
export const PACED = '[paced]'

export const promptOf = (isPaced: boolean): string => (isPaced ? `Hello ${PACED}` : 'Hello')

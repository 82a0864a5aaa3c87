import { AppError } from '../../http/errors.ts'
import { newSecret } from '../../lib/ids.ts'

// What objects are called in R2. Nothing of the client's is in it.
export const OBJECTS = 'files/'
export const RESTS = 'rests/'

/** Says nothing and is never used twice. */
export const newObjectKey = () => `${OBJECTS}${newSecret(24)}`

/** Where the bytes of a resumable upload wait that make no whole part yet. */
export const restKey = (fileId: string, writer: string) => `${RESTS}${fileId}/${writer}`

/** What R2 is asked for. @throws AppError `file_store_failed` */
export const fromStore = <T>(work: Promise<T>): Promise<T> =>
  work.catch((cause) => {
    throw new AppError('file_store_failed', undefined, { cause, retryAfterS: 2 })
  })

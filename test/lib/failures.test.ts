import { expect, test } from 'vitest'
import { isStoreFailure, isTransient } from '../../src/db/failures.ts'

const failures = (message: string) => {
  const bare = new Error(message)
  const wrapped = new Error('Failed query: select 1', { cause: bare })
  return [bare, wrapped].map((error) => [isStoreFailure(error), isTransient(error)])
}

test('a fault of the platform is the store’s and passes, with or without its name', () => {
  const both = [true, true]
  expect(failures('internal error; reference = abc123')).toEqual([both, both])
  expect(failures('D1_ERROR: Network connection lost.')).toEqual([both, both])
})

test('what was asked for is no fault of the store', () => {
  const neither = [false, false]
  expect(failures('D1_ERROR: UNIQUE constraint failed: users.email: SQLITE_CONSTRAINT')).toEqual([neither, neither])
  expect(failures('Internal error of somebody else')).toEqual([neither, neither])
})

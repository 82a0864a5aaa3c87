import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { readPicture } from '../../src/features/files/service/pictures.ts'

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

const PICTURE = { objectKey: 'files/a' } as Parameters<typeof readPicture>[1]
const read = async (get: () => Promise<unknown>) => {
  const log = vi.fn()
  const reading = readPicture({ get } as unknown as R2Bucket, PICTURE, log)
  await vi.advanceTimersByTimeAsync(12_000)
  return { picture: await reading, logged: log.mock.calls.map(([level, event, { error }]) => [level, event, error]) }
}
const object = { arrayBuffer: async () => new Uint8Array([1, 2, 3]).buffer }

test('a picture is read once more when R2 fails, and left out when it is gone', async () => {
  const get = vi.fn().mockRejectedValueOnce(new TypeError('R2')).mockResolvedValue(object)
  expect(await read(get)).toEqual({ picture: 'AQID', logged: [['error', 'picture_not_read', 'TypeError']] })
  expect(await read(async () => null)).toEqual({ picture: undefined, logged: [] })
})

test('R2 that says nothing, also of the bytes, holds a reply up for twelve seconds at the most', async () => {
  const silent = () => new Promise<never>(() => {})
  for (const get of [silent, async () => ({ arrayBuffer: silent })]) {
    const { picture, logged } = await read(get)
    expect({ picture, logged }).toEqual({
      picture: undefined,
      logged: Array(2).fill(['error', 'picture_not_read', 'Late']),
    })
  }
})

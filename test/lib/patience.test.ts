import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { Patience } from '../../src/features/runs/patience.ts'

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

const never = new Promise<never>(() => {})
const late = () => new Error('late')
/** What became of it, for which nobody waits. */
function settled<T>(work: Promise<T>) {
  const state: { value?: T; error?: unknown } = {}
  work.then(
    (value) => Object.assign(state, { value }),
    (error) => Object.assign(state, { error }),
  )
  return state
}

test('each wait has its own time, counted from its beginning', async () => {
  const patience = new Patience(new AbortController().signal)
  for (let n = 0; n < 5; n++) {
    const piece = patience.wait(new Promise((resolve) => setTimeout(resolve, 90, n)), 100, late)
    await vi.advanceTimersByTimeAsync(90)
    expect(await piece).toBe(n)
  }
  const state = settled(patience.wait(never, 100, late))
  await vi.advanceTimersByTimeAsync(98)
  expect(state).toEqual({})
  await vi.advanceTimersByTimeAsync(3)
  expect(state.error).toEqual(late())
})

test('a wait that is shorter than the one before ends in its own time', async () => {
  const patience = new Patience(new AbortController().signal)
  await patience.wait(Promise.resolve(1), 10_000, late)
  const state = settled(patience.wait(never, 50, late))
  await vi.advanceTimersByTimeAsync(51)
  expect(state.error).toEqual(late())
})

test('an abort ends what is waited for, and all that would be', async () => {
  const abort = new AbortController()
  const patience = new Patience(abort.signal)
  const state = settled(patience.wait(never, 1_000, late))
  abort.abort(new Error('gone'))
  await vi.advanceTimersByTimeAsync(0)
  expect(state.error).toEqual(new Error('gone'))
  await expect(patience.wait(never, 1_000, late)).rejects.toThrow('gone')
})

test('there is one timer however many pieces come, and none when it has ended', async () => {
  const patience = new Patience(new AbortController().signal)
  for (let n = 0; n < 1_000; n++) await patience.wait(Promise.resolve(n), 1_000, late)
  expect(vi.getTimerCount()).toBe(1)
  patience.end()
  expect(vi.getTimerCount()).toBe(0)
})

test('work that fails after its time was over is heard by nobody', async () => {
  const patience = new Patience(new AbortController().signal)
  const work = new Promise((_, reject) => setTimeout(reject, 200, new Error('too late')))
  const state = settled(patience.wait(work, 100, late))
  await vi.advanceTimersByTimeAsync(300)
  expect(state.error).toEqual(late())
})

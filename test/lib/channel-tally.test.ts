import { expect, test } from 'vitest'
import { createTally } from '../../bench/channels/tally.ts'

const NO_FAULTS = { missing: 0, repeated: 0, outOfOrder: 0, foreign: 0 }

/** What is found when each receiver gets its list, after `sent` messages. */
function tallyOf(sent: number, lists: number[][], counting = lists.length) {
  const completed: number[] = []
  const tally = createTally(lists.length, counting, (message) => completed.push(message))
  for (let n = 0; n < sent; n++) tally.send()
  for (const [receiver, list] of lists.entries()) for (const message of list) tally.deliver(receiver, message)
  return { ...tally.faults(), completed }
}

test('equal lists have no fault, also when the server had another order than the senders', () => {
  expect(
    tallyOf(3, [
      [1, 0, 2],
      [1, 0, 2],
    ]),
  ).toEqual({ ...NO_FAULTS, completed: [1, 0, 2] })
})

test('what one receiver lacks is missing, in the middle and at the end', () => {
  expect(
    tallyOf(4, [
      [0, 1, 2, 3],
      [0, 2],
    ]),
  ).toEqual({ ...NO_FAULTS, missing: 2, completed: [0, 2] })
})

test('what comes twice is repeated, and completes nothing twice', () => {
  expect(
    tallyOf(2, [
      [0, 1],
      [0, 0, 1, 0],
    ]),
  ).toEqual({ ...NO_FAULTS, repeated: 2, completed: [0, 1] })
})

test('another order than the first receiver had is out of order', () => {
  expect(
    tallyOf(3, [
      [0, 1, 2],
      [1, 0, 2],
    ]),
  ).toEqual({ ...NO_FAULTS, outOfOrder: 1, completed: [1, 0, 2] })
})

test('what nobody sent is foreign', () => {
  expect(
    tallyOf(1, [
      [0, 7],
      [0, Number.NaN],
    ]),
  ).toMatchObject({ foreign: 2, missing: 0 })
})

test('receivers that do not count are checked, but nobody waits for them', () => {
  expect(tallyOf(2, [[0, 1], [0]], 1)).toEqual({ ...NO_FAULTS, missing: 1, completed: [0, 1] })
})

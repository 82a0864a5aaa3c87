/** What receivers got against one order for all of them. */
export type Faults = { missing: number; repeated: number; outOfOrder: number; foreign: number }

/**
 * Checks the list of every receiver while it comes in. The order of all is the one in which messages are first seen by any
 * of them. `onComplete` is called when the last of the first `counting` receivers has a message.
 */
export function createTally(receivers: number, counting: number, onComplete: (message: number) => void) {
  const order: number[] = []
  const placeOf: number[] = []
  const lacking: number[] = []
  const next = new Int32Array(receivers)
  const holes = new Map<number, Set<number>>()
  const faults = { repeated: 0, outOfOrder: 0, foreign: 0 }
  let sent = 0
  let deliveries = 0

  /** Messages are numbers from 0 on, in the order of sending. */
  const send = () => {
    placeOf.push(-1)
    lacking.push(counting)
    return sent++
  }

  const deliver = (receiver: number, message: number) => {
    if (!(message < sent)) {
      faults.foreign++
      return
    }
    let place = placeOf[message]!
    if (place < 0) {
      place = order.push(message) - 1
      placeOf[message] = place
    }
    if (place === next[receiver]) next[receiver]! += 1
    else if (!takeOutOfOrder(receiver, place)) return
    if (receiver >= counting) return
    deliveries++
    if (--lacking[message]! === 0) onComplete(message)
  }

  /** False when the receiver has it already. */
  const takeOutOfOrder = (receiver: number, place: number): boolean => {
    const mine = holes.get(receiver) ?? new Set()
    holes.set(receiver, mine)
    if (place > next[receiver]!) {
      for (let hole = next[receiver]!; hole < place; hole++) mine.add(hole)
      next[receiver] = place + 1
      return true
    }
    const isLate = mine.delete(place)
    if (isLate) faults.outOfOrder++
    else faults.repeated++
    return isLate
  }

  /** Deliveries that still have to come, if those of `sent` messages all arrive. */
  const missing = (): number => {
    let missing = 0
    for (let receiver = 0; receiver < receivers; receiver++)
      missing += sent - next[receiver]! + (holes.get(receiver)?.size ?? 0)
    return missing
  }

  return {
    send,
    deliver,
    deliveries: () => deliveries,
    missing,
    faults: (): Faults => ({ ...faults, missing: missing() }),
  }
}

/** Lets so many bytes through, and ends there. */
export const cutAfter = (maxBytes: number): TransformStream<Uint8Array, Uint8Array> => {
  let left = maxBytes
  return new TransformStream({
    transform(chunk, controller) {
      if (left > 0) controller.enqueue(chunk.subarray(0, left))
      left -= chunk.length
      if (left <= 0) controller.terminate()
    },
  })
}

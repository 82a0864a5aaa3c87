/** Nobody waited any longer. What was asked for may still be done. */
export class Late extends Error {
  override name = 'Late'
}

/** What `work` gives, if it does so within `ms` milliseconds. @throws Late when it does not, which says `late` */
export async function within<T>(ms: number, work: Promise<T>, late = `Took longer than ${ms} ms`): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined
  const end = new Promise<never>((_, fail) => {
    timer = setTimeout(() => fail(new Late(late)), ms)
  })
  try {
    return await Promise.race([work, end])
  } finally {
    clearTimeout(timer)
  }
}

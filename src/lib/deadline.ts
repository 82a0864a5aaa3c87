/** What `work` gives, if it does so within `ms` milliseconds. @throws Error when it does not, which says `late` */
export async function within<T>(ms: number, work: Promise<T>, late = `Took longer than ${ms} ms`): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined
  const end = new Promise<never>((_, fail) => {
    timer = setTimeout(() => fail(new Error(late)), ms)
  })
  try {
    return await Promise.race([work, end])
  } finally {
    clearTimeout(timer)
  }
}

import { useEffect, useRef, useState } from 'preact/hooks'

/** What is loaded, and how that goes. */
export type Load<T> = {
  data: T | undefined
  error: unknown
  isLoading: boolean
  reload: () => void
  /** What is shown, after a change that this screen has made. */
  set: (change: (data: T) => T) => void
}

/** Loads when the screen opens and when one of `inputs` changes; an answer that was overtaken is dropped. */
export function useLoad<T>(load: () => Promise<T>, inputs: readonly unknown[]): Load<T> {
  const [state, setState] = useState<{ data?: T; error?: unknown; isLoading: boolean }>({ isLoading: true })
  const turn = useRef(0)
  const reload = () => {
    const mine = ++turn.current
    setState(({ data }) => ({ data, isLoading: true }))
    load().then(
      (data) => mine === turn.current && setState({ data, isLoading: false }),
      (error) => mine === turn.current && setState({ error, isLoading: false }),
    )
  }
  useEffect(() => {
    setState({ isLoading: true })
    reload()
    return () => void turn.current++
  }, inputs)
  const set = (change: (data: T) => T) =>
    setState((now) => (now.data === undefined ? now : { ...now, data: change(now.data) }))
  return { data: state.data, error: state.error, isLoading: state.isLoading, reload, set }
}

import type { RefObject } from 'preact'
import { useLayoutEffect } from 'preact/hooks'

/** Makes a text field as tall as its text; its style says how tall at the most. */
export function useGrowing(field: RefObject<HTMLTextAreaElement | null>, text: string): void {
  useLayoutEffect(() => {
    const element = field.current
    if (!element) return
    element.style.height = 'auto'
    element.style.height = `${element.scrollHeight + element.offsetHeight - element.clientHeight}px`
  }, [text])
}

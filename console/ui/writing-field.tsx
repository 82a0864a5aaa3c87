import type { JSX } from 'preact'
import { useEffect, useLayoutEffect, useRef } from 'preact/hooks'

type Props = Omit<JSX.IntrinsicElements['textarea'], 'onInput' | 'onKeyDown' | 'ref'> & {
  value: string
  onText: (text: string) => void
  /** What Enter does. With Shift it begins a line, and on a phone, which has no other way to, always. */
  onEnter?: () => void
  /** It has the focus when it comes. */
  isFirst?: boolean
}

/** As far as can be known: what has a mouse has one, and a phone has neither. */
export const hasKeyboard = () => matchMedia('(hover: hover)').matches

/** Whether a key is of the composition of a character. Safari ends it before the key that does, and tells only by this code. */
export const isComposing = (event: KeyboardEvent) => event.isComposing || event.keyCode === 229

/** Where one writes: as tall as its text, up to what its style says. */
export function WritingField({ value, onText, onEnter, isFirst = false, ...field }: Props) {
  const element = useRef<HTMLTextAreaElement>(null)
  useLayoutEffect(() => {
    const { style } = element.current!
    style.height = 'auto'
    const { scrollHeight, offsetHeight, clientHeight } = element.current!
    style.height = `${scrollHeight + offsetHeight - clientHeight}px`
  }, [value])
  useEffect(() => {
    if (isFirst) element.current!.focus()
  }, [])
  return (
    <textarea
      {...field}
      ref={element}
      class="writing"
      value={value}
      onInput={({ currentTarget }) => onText(currentTarget.value)}
      onKeyDown={(event) => {
        // Enter may also end the composition of a character.
        if (!onEnter || event.key !== 'Enter' || event.shiftKey || isComposing(event) || !hasKeyboard()) return
        event.preventDefault()
        onEnter()
      }}
    />
  )
}

import type { JSX } from 'preact'
import { useRef } from 'preact/hooks'

type Props = Omit<JSX.IntrinsicElements['button'], 'onClick'> & { onChoose: (files: File[]) => void }

/** A button by which one chooses files of the device. */
export function ChooseFiles({ onChoose, children, ...button }: Props) {
  const input = useRef<HTMLInputElement>(null)
  return (
    <>
      <input
        ref={input}
        type="file"
        multiple
        hidden
        aria-label="Files"
        onChange={({ currentTarget }) => {
          onChoose([...(currentTarget.files ?? [])])
          // The same file may be chosen again.
          currentTarget.value = ''
        }}
      />
      <button {...button} type="button" onClick={() => input.current?.click()}>
        {children}
      </button>
    </>
  )
}

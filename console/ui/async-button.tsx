import type { JSX } from 'preact'
import { useState } from 'preact/hooks'
import { tellFault } from './toasts.tsx'

type Props = Omit<JSX.IntrinsicElements['button'], 'onClick'> & { act: () => unknown }

/** A button for what takes a while: off until it is done. What is refused is told. */
export function AsyncButton({ act, disabled, children, ...button }: Props) {
  const [isBusy, setBusy] = useState(false)
  const go = async () => {
    setBusy(true)
    try {
      await act()
    } catch (error) {
      tellFault(error)
    }
    setBusy(false)
  }
  return (
    <button {...button} type="button" disabled={disabled || isBusy} aria-busy={isBusy} onClick={go}>
      {children}
    </button>
  )
}

import type { JSX } from 'preact'
import { useState } from 'preact/hooks'
import { tellFault } from './toasts.tsx'

type Props = Omit<JSX.IntrinsicElements['button'], 'onClick'> & { act: () => unknown }

/**
 * A button for what takes a while: off until it is done. What is refused is told.
 * Meanwhile it is not `disabled`, which would take the focus from it.
 */
export function AsyncButton({ act, children, ...button }: Props) {
  const [isBusy, setBusy] = useState(false)
  const go = async () => {
    if (isBusy) return
    setBusy(true)
    try {
      await act()
    } catch (error) {
      tellFault(error)
    }
    setBusy(false)
  }
  return (
    <button {...button} type="button" aria-disabled={isBusy} aria-busy={isBusy} onClick={go}>
      {children}
    </button>
  )
}

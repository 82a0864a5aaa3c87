import type { ComponentChildren } from 'preact'
import { useState } from 'preact/hooks'
import type { Draft } from './draft.ts'

/** The part of the screen that takes files which are dropped on it. */
export function DropFiles({ draft, label, children }: { draft: Draft; label: string; children: ComponentChildren }) {
  const [isOver, setOver] = useState(false)
  return (
    <section
      class={isOver ? 'conversation is-over' : 'conversation'}
      aria-label={label}
      onDragOver={(event) => {
        if (!event.dataTransfer?.types.includes('Files')) return
        event.preventDefault()
        setOver(true)
      }}
      onDragLeave={({ currentTarget, relatedTarget }) => {
        if (!currentTarget.contains(relatedTarget as Node | null)) setOver(false)
      }}
      onDrop={(event) => {
        setOver(false)
        if (!event.dataTransfer?.files.length) return
        // Else the browser would leave the page for the file.
        event.preventDefault()
        draft.uploads.add(event.dataTransfer.files)
      }}
    >
      {children}
    </section>
  )
}

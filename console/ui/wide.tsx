import type { ComponentChildren } from 'preact'

/** Scrolled where it is too wide, by keyboard as well. */
export const Wide = ({ label, children }: { label: string; children: ComponentChildren }) => (
  <section class="scroll" aria-label={label} tabIndex={0}>
    {children}
  </section>
)

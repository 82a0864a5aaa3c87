import type { ComponentChildren } from 'preact'
import { Wide } from './wide.tsx'

/** What its columns are called, and below that its body. */
type Props = { label: string; columns: string[]; class?: string; children: ComponentChildren }

/** A table, which is scrolled where it is too wide. */
export const Table = ({ label, columns, class: kind, children }: Props) => (
  <Wide label={label}>
    <table class={kind}>
      <thead>
        <tr>
          {columns.map((name) => (
            <th key={name} scope="col">
              {name}
            </th>
          ))}
        </tr>
      </thead>
      {children}
    </table>
  </Wide>
)

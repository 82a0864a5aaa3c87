import { useId } from 'preact/hooks'
import { Copy } from '../../ui/copy.tsx'
import { Snippets } from './snippets.tsx'

/** A key, this once. */
export function Secret({ secret }: { secret: string }) {
  const id = useId()
  return (
    <>
      <p class="note">Store it now: it is not shown again, and nobody can look it up.</p>
      <label for={id} class="visually-hidden">
        API key
      </label>
      <div class="row key">
        <input id={id} class="secret" readOnly value={secret} onFocus={({ currentTarget }) => currentTarget.select()} />
        <Copy text={secret} what="the key" />
      </div>
      <Snippets secret={secret} />
    </>
  )
}

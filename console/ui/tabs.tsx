import type { ComponentChildren } from 'preact'
import { useId, useState } from 'preact/hooks'
import { useLocation } from 'preact-iso'

/** `here` is the path of the part that is shown, where the address leads deeper than that. */
type PartsProps = { label: string; parts: { path: string; name: string }[]; here?: string }

/** The parts of a screen, each with an address of its own. */
export function Parts({ label, parts, here }: PartsProps) {
  const { path: address } = useLocation()
  return (
    <nav class="tabs" aria-label={label}>
      {parts.map(({ path, name }) => (
        <a key={path} href={path} aria-current={path === (here ?? address) ? 'page' : undefined}>
          {name}
        </a>
      ))}
    </nav>
  )
}

type Tab = { name: string; content: ComponentChildren }

/** One of several views of the same thing: arrow keys go from tab to tab. */
export function Tabs({ label, tabs }: { label: string; tabs: Tab[] }) {
  const id = useId()
  const [chosen, setChosen] = useState(0)
  const go = (event: KeyboardEvent) => {
    const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key]
    if (!step) return
    const next = (chosen + step + tabs.length) % tabs.length
    setChosen(next)
    const list = event.currentTarget as HTMLElement
    ;(list.children[next] as HTMLElement).focus()
  }
  return (
    <>
      <div class="tabs" role="tablist" aria-label={label} onKeyDown={go}>
        {tabs.map(({ name }, at) => (
          <button
            key={name}
            type="button"
            role="tab"
            id={`${id}-${at}`}
            aria-selected={at === chosen}
            aria-controls={`${id}-panel`}
            tabIndex={at === chosen ? 0 : -1}
            onClick={() => setChosen(at)}
          >
            {name}
          </button>
        ))}
      </div>
      <div role="tabpanel" id={`${id}-panel`} aria-labelledby={`${id}-${chosen}`}>
        {tabs[chosen]?.content}
      </div>
    </>
  )
}

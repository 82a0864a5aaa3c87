import type { ComponentChildren } from 'preact'
import { useEffect, useRef } from 'preact/hooks'
import { useLocation } from 'preact-iso'
import { end, me } from '../api/session.ts'
import { Icon, type IconName } from './icon.tsx'
import { THEMES, type Theme, theme } from './theme.ts'
import { place } from './title.ts'

type Place = { path: string; name: string; icon: IconName; isForAdmins?: true }

const PLACES: Place[] = [
  { path: '/app/chat', name: 'Chat', icon: 'chat' },
  { path: '/app/channels', name: 'Channels', icon: 'channel' },
  { path: '/app/chatbots', name: 'Chatbots', icon: 'chatbot' },
  { path: '/app/admin', name: 'Admin', icon: 'admin', isForAdmins: true },
  { path: '/app/account', name: 'Account', icon: 'person' },
]

const NAMES: Record<Theme, string> = { system: 'Auto', light: 'Light', dark: 'Dark' }

/** What every screen of a signed-in user stands in: where one can go, and who one is. */
export function Shell({ children }: { children: ComponentChildren }) {
  const { path } = useLocation()
  const user = me.value!
  const isAdmin = user.role === 'admin'
  const here = PLACES.find(({ path: start }) => path === start || path.startsWith(`${start}/`))
  const main = useRef<HTMLElement>(null)
  useEffect(() => {
    place.value = here?.name ?? ''
    // Who came by a link of the navigation goes on in the place, and a screen reader says where that is.
    const at = document.activeElement
    if (at instanceof HTMLAnchorElement && at.closest('nav')) main.current?.focus()
    return () => {
      place.value = ''
    }
  }, [here])
  return (
    <div class="shell">
      <a class="skip" href="#main">
        Skip to the content
      </a>
      <nav aria-label="Places">
        <a class="brand" href="/app" aria-label="Parley">
          <Icon name="parley" />
        </a>
        {PLACES.filter(({ isForAdmins }) => isAdmin || !isForAdmins).map((each) => (
          <a key={each.path} href={each.path} aria-current={each === here ? 'page' : undefined}>
            <Icon name={each.icon} />
            <span>{each.name}</span>
          </a>
        ))}
        <span class="grow" />
        <button type="button" class="plain" onClick={nextTheme} title="Light, dark, or as the device has it">
          <Icon name="theme" />
          <span>{NAMES[theme.value]}</span>
        </button>
        <button type="button" class="plain" onClick={end} title={`Signed in as ${user.display_name}`}>
          <Icon name="leave" />
          <span>Sign out</span>
        </button>
      </nav>
      <main id="main" ref={main} tabIndex={-1} aria-label={here?.name}>
        {children}
      </main>
    </div>
  )
}

function nextTheme(): void {
  theme.value = THEMES[(THEMES.indexOf(theme.value) + 1) % THEMES.length]!
}

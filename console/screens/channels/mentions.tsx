import type { ComponentChildren } from 'preact'
import { me } from '../../api/session.ts'
import { Markdown, Words } from '../../ui/markdown.tsx'

/** As the server finds them (docs/realtime.md): a name behind an `@`, not in the middle of a word. */
const MENTION = /(?<![\p{L}\p{N}_@./-])@[a-z0-9][a-z0-9._-]{0,31}/giu

/** What somebody said, with those it names marked. */
export const Said = ({ text }: { text: string }) => (
  <Words.Provider value={withMentions}>
    <Markdown text={text} />
  </Words.Provider>
)

function withMentions(text: string): ComponentChildren {
  const parts: ComponentChildren[] = []
  let at = 0
  for (const { 0: name, index } of text.matchAll(MENTION)) {
    parts.push(text.slice(at, index), <mark class={isMe(name) ? 'mention me' : 'mention'}>{name}</mark>)
    at = index + name.length
  }
  return parts.length > 0 ? [...parts, text.slice(at)] : text
}

const isMe = (name: string) => {
  const called = name.slice(1).toLowerCase()
  return called === 'channel' || called.replace(/[._-]+$/, '') === me.value?.username
}

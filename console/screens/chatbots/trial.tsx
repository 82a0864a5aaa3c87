import { useEffect, useRef, useState } from 'preact/hooks'
import type { Schemas } from '../../api/client.ts'
import { complete, type TokenUsage, type Turn } from '../../api/completions.ts'
import { Icon } from '../../ui/icon.tsx'
import { Markdown } from '../../ui/markdown.tsx'
import { Failed } from '../../ui/states.tsx'
import { WritingField } from '../../ui/writing-field.tsx'

/** A conversation with a chatbot as it is stored, by the very API that programs use. It is kept nowhere. */
export function Trial({ chatbot }: { chatbot: Schemas['Chatbot'] }) {
  const { turns, answer, usage, error, isBusy, ask, retry, stop, clear } = useTrial(chatbot.id)
  const said = useRef<HTMLDivElement>(null)
  useEffect(() => said.current?.scrollTo({ top: said.current.scrollHeight }), [turns.length, answer, error])
  return (
    <section class="trial" id="trial" aria-label={`Try ${chatbot.name}`}>
      <header class="row">
        <h2 class="grow">Try it</h2>
        <button type="button" class="plain" disabled={turns.length === 0 || isBusy} onClick={clear}>
          Start over
        </button>
      </header>
      <div ref={said} class="said" role="log" aria-label="What was said" aria-busy={isBusy} tabIndex={0}>
        {turns.length === 0 && (
          <p class="quiet">It answers with version {chatbot.version}. Unsaved changes have no effect here.</p>
        )}
        {turns.map(({ role, content }, at) => (
          // Nothing is ever put between two of them.
          <div key={at} class={role}>
            <p class="quiet">{role === 'user' ? 'You' : chatbot.name}</p>
            {role === 'user' ? <p class="words">{content}</p> : <Markdown text={content} />}
          </div>
        ))}
        {isBusy && (
          <div class="assistant">
            <p class="quiet">
              {chatbot.name} <span class="spinner" aria-hidden="true" />
            </p>
            <Markdown text={answer} />
          </div>
        )}
        {error !== undefined && <Failed error={error} retry={retry} />}
      </div>
      <Composer isBusy={isBusy} onSend={ask} onStop={stop} />
      <p class="quiet" role="status">
        {usage && `${usage.prompt_tokens} tokens read, ${usage.completion_tokens} written`}
      </p>
    </section>
  )
}

function Composer({ isBusy, onSend, onStop }: { isBusy: boolean; onSend: (text: string) => void; onStop: () => void }) {
  const [text, setText] = useState('')
  const send = () => {
    if (isBusy || text.trim() === '') return
    onSend(text)
    setText('')
  }
  return (
    <div class="row">
      <WritingField
        aria-label="Message"
        placeholder="Say something"
        rows={2}
        value={text}
        onText={setText}
        onEnter={send}
      />
      {isBusy ? (
        <button type="button" aria-label="Stop" onClick={onStop}>
          <Icon name="stop" />
        </button>
      ) : (
        <button type="button" class="primary" aria-label="Send" disabled={text.trim() === ''} onClick={send}>
          <Icon name="send" />
        </button>
      )}
    </div>
  )
}

type State = { turns: Turn[]; answer: string; isBusy: boolean; usage?: TokenUsage; error?: unknown }
const NOTHING: State = { turns: [], answer: '', isBusy: false }

function useTrial(model: string) {
  const [state, setState] = useState(NOTHING)
  const running = useRef<AbortController>(undefined)
  useEffect(() => () => running.current?.abort(), [])

  async function answerTo(turns: Turn[]): Promise<void> {
    const run = new AbortController()
    running.current = run
    let answer = ''
    let usage: TokenUsage | undefined
    let error: unknown
    setState({ ...NOTHING, turns, isBusy: true })
    try {
      for await (const event of complete(model, turns, run.signal)) {
        if ('usage' in event) usage = event.usage
        else {
          answer += event.text
          setState({ ...NOTHING, turns, isBusy: true, answer })
        }
      }
    } catch (thrown) {
      error = thrown
    }
    // What was said before it was stopped, or broke off, is part of what was said.
    const said: Turn[] = answer === '' ? turns : [...turns, { role: 'assistant', content: answer }]
    setState({ ...NOTHING, turns: said, usage, error })
  }

  return {
    ...state,
    ask: (content: string) => answerTo([...state.turns, { role: 'user', content }]),
    /** Asks what was said last once more. */
    retry: () => answerTo(state.turns.slice(0, state.turns.findLastIndex(({ role }) => role === 'user') + 1)),
    stop: () => running.current?.abort(),
    clear: () => setState(NOTHING),
  }
}

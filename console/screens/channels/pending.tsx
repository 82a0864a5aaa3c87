import { Markdown } from '../../ui/markdown.tsx'
import { discard, type Outgoing, sayAgain } from './outgoing.ts'

/** A message that the server has not acknowledged: on its way, or refused. */
export const Pending = ({ message }: { message: Outgoing }) => (
  <article class="message pending" aria-label="Your message, not sent yet">
    <div class="said">
      {message.content && <Markdown text={message.content} />}
      {message.attachments.map(({ id, filename }) => (
        <p key={id} class="quiet">
          {filename}
        </p>
      ))}
      {message.error ? (
        <p class="fault">
          It was not sent: {message.error.message}{' '}
          <button type="button" onClick={() => sayAgain(message)}>
            Try again
          </button>{' '}
          <button type="button" class="plain" onClick={() => discard(message.nonce)}>
            Discard
          </button>
        </p>
      ) : (
        <p class="quiet">Sending…</p>
      )}
    </div>
  </article>
)

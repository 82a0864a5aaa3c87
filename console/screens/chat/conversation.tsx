import { useEffect, useMemo } from 'preact/hooks'
import { Failed, Loading } from '../../ui/states.tsx'
import { useTitle } from '../../ui/title.ts'
import { Composer } from './composer.tsx'
import { type Draft, draftOf } from './draft.ts'
import { DropFiles } from './drop-files.tsx'
import { Header } from './header.tsx'
import { Messages } from './messages.tsx'
import { type Conversation, Thread } from './thread.ts'

type Props = {
  id: string
  at: string | undefined
  /** Whether the conversation was just made, for what is in its draft. */
  takeNew: () => boolean
  onChange: (conversation: Conversation) => void
  onDelete: () => void
}

/** An open conversation. */
export function ConversationView({ id, at, takeNew, onChange, onDelete }: Props) {
  const draft = useMemo(() => draftOf(id), [])
  const thread = useMemo(() => new Thread(id, at, onChange, draft), [])
  useEffect(() => {
    void thread.open(takeNew())
    return () => thread.close()
  }, [])
  useTitle(thread.conversation.value?.title ?? undefined)
  return (
    <DropFiles draft={draft} label="Conversation">
      <Header thread={thread} onDelete={onDelete} />
      <Content thread={thread} />
      {at ? (
        <p class="composer quiet">
          This is the conversation up to what was found. <a href={`/app/chat/${id}`}>Go on with it</a>
        </p>
      ) : (
        <ReplyComposer thread={thread} draft={draft} />
      )}
    </DropFiles>
  )
}

function Content({ thread }: { thread: Thread }) {
  if (thread.messages.value.length > 0) return <Messages thread={thread} />
  if (thread.fault.value) return <Failed error={thread.fault.value} retry={() => void thread.load()} />
  if (!thread.conversation.value) return <Loading what="the conversation" />
  return <p class="state">Nothing was said here yet.</p>
}

function ReplyComposer({ thread, draft }: { thread: Thread; draft: Draft }) {
  const isReplying = thread.isReplying.value
  return (
    <>
      <p class="visually-hidden" role="status">
        {isReplying ? 'A reply is being written.' : thread.ended.size > 0 && 'The reply has ended.'}
      </p>
      <Composer
        draft={draft}
        say={(words) => thread.say(words)}
        isOff={thread.conversation.value === undefined || thread.refused.value !== undefined}
        stop={isReplying ? { isStopping: thread.isStopping.value, act: () => thread.stop() } : undefined}
      />
    </>
  )
}

import { useEffect, useMemo, useRef, useState } from 'preact/hooks'
import { api, ok } from '../../api/client.ts'
import { myId } from '../../api/session.ts'
import { useIdempotency } from '../../ui/use-idempotency.ts'
import { Composer } from './composer.tsx'
import { draftOf, type Words } from './draft.ts'
import { DropFiles } from './drop-files.tsx'
import { BackToList } from './header.tsx'
import type { Conversation } from './thread.ts'

type Props = {
  projectId: string | undefined
  onMake: (conversation: Conversation) => void
  /** What is to be said in the conversation is in its draft. */
  onBegin: (id: string) => void
}

/** Where a conversation begins: it is made when the first thing is said in it. */
export function NewConversation({ projectId, onMake, onBegin }: Props) {
  const draft = useMemo(() => draftOf('new'), [])
  const [isTemporary, setTemporary] = useState(false)
  const once = useIdempotency()
  const isBeginning = useRef(false)
  const isLeft = useRef(false)
  useEffect(
    () => () => {
      isLeft.current = true
    },
    [],
  )
  const begin = async (words: Words) => {
    if (isBeginning.current) throw new Error('The conversation is being made')
    isBeginning.current = true
    // Another may be signed in when there is an answer.
    const userId = myId.value
    const body = isTemporary ? { temporary: true } : { project_id: projectId ?? null }
    try {
      const conversation = await once(body, (header) =>
        ok(api.POST('/api/v1/conversations', { params: { header }, body })),
      )
      onMake(conversation)
      // Who has left finds the words where they can: a temporary conversation is in no list.
      const place = isLeft.current && isTemporary ? draft : draftOf(conversation.id, userId)
      place.restore(words)
      if (!isLeft.current) onBegin(conversation.id)
    } finally {
      isBeginning.current = false
    }
  }
  return (
    <DropFiles draft={draft} label="New conversation">
      <header>
        <BackToList />
        <h1>New conversation</h1>
      </header>
      <div class="welcome">
        <p class="quiet">Ask anything. The reply is written on the server: leave, and it is here when you come back.</p>
        <label class="row">
          <input
            type="checkbox"
            checked={isTemporary}
            onChange={({ currentTarget }) => setTemporary(currentTarget.checked)}
          />
          Temporary: in no list, and deleted by itself
        </label>
      </div>
      <Composer draft={draft} say={begin} />
    </DropFiles>
  )
}

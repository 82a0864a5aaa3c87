import { useMemo } from 'preact/hooks'
import { api, ok, type Schemas } from '../../api/client.ts'
import { AsyncButton } from '../../ui/async-button.tsx'
import { confirm, Dialog } from '../../ui/dialog.tsx'
import { Field, Form } from '../../ui/form.tsx'
import { Icon } from '../../ui/icon.tsx'
import { saveExport } from '../../ui/save-export.ts'
import { useLoad } from '../../ui/use-load.ts'
import { Sharing } from './sharing.tsx'
import type { Thread } from './thread.ts'
import { useProjects } from './use-projects.ts'

type Props = { thread: Thread; onClose: () => void; onDelete: () => void }

/** All that can be done with a conversation besides talking in it. */
export function ConversationDialog({ thread, onClose, onDelete }: Props) {
  const { id, pinned, archived, temporary } = thread.conversation.value!
  // It may change while it is edited: a reply gives it a title.
  const { title, project_id, instructions } = useMemo(() => thread.conversation.value!, [])
  const change = async (body: Schemas['ConversationChanges']) =>
    thread.change(await ok(api.PATCH('/api/v1/conversations/{id}', { params: { path: { id } }, body })))
  const save = async (values: Record<string, string>) => {
    const before = { title, project_id, instructions }
    const entries = Object.entries(values).map(([name, value]) => [name, value || null] as const)
    const changed = entries.filter(([name, value]) => value !== before[name as keyof typeof before])
    if (changed.length > 0) await change(Object.fromEntries(changed))
    onClose()
  }
  return (
    <Dialog title="Conversation" onClose={onClose}>
      <Form action="Save" onSubmit={save}>
        <Field
          name="title"
          label="Title"
          maxLength={120}
          defaultValue={title ?? ''}
          hint="Empty: the next message gives one"
        />
        {!temporary && <ProjectField current={project_id} />}
        <Field
          as="textarea"
          name="instructions"
          label="Instructions"
          rows={3}
          maxLength={8_000}
          hint="Told to the model after those of the project"
          defaultValue={instructions ?? ''}
        />
      </Form>
      {!temporary && <Sharing conversationId={id} />}
      <div class="row actions">
        {!temporary && (
          <>
            <AsyncButton aria-pressed={pinned} act={() => change({ pinned: !pinned })}>
              <Icon name="pin" /> {pinned ? 'Unpin' : 'Pin'}
            </AsyncButton>
            <AsyncButton aria-pressed={archived} act={() => change({ archived: !archived })}>
              <Icon name="folder" /> {archived ? 'Take out of the archive' : 'Archive'}
            </AsyncButton>
            <AsyncButton act={() => saveExport(`/api/v1/export?conversation_id=${id}`, `parley-${id}.ndjson`)}>
              <Icon name="download" /> Export
            </AsyncButton>
          </>
        )}
        <button type="button" onClick={() => askToDelete(thread, onDelete)}>
          <Icon name="remove" /> Delete
        </button>
      </div>
    </Dialog>
  )
}

/** The project it is in stands among the others from the beginning, on whichever page of them it is. */
function ProjectField({ current }: { current: string | null }) {
  const projects = useProjects()
  const { data: own } = useLoad(
    async () => (current ? ok(api.GET('/api/v1/projects/{id}', { params: { path: { id: current } } })) : undefined),
    [current],
  )
  const others = projects.items.filter(({ id }) => id !== current)
  return (
    <Field as="select" name="project_id" label="Project">
      <option value="">None</option>
      {current && (
        <option value={current} selected>
          {own?.name ?? 'The one it is in'}
        </option>
      )}
      {others.map(({ id, name }) => (
        <option key={id} value={id}>
          {name}
        </option>
      ))}
    </Field>
  )
}

function askToDelete({ id }: Thread, onDelete: () => void): void {
  confirm({
    title: 'Delete this conversation?',
    text: 'All that was said in it is deleted, with its files. This cannot be undone.',
    action: 'Delete the conversation',
    act: async () => {
      await ok(api.DELETE('/api/v1/conversations/{id}', { params: { path: { id } } }))
      onDelete()
    },
  })
}

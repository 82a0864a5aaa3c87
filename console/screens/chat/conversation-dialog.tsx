import { api, ok, type Schemas } from '../../api/client.ts'
import { confirm, Dialog } from '../../ui/dialog.tsx'
import { Field, Form } from '../../ui/form.tsx'
import { Icon } from '../../ui/icon.tsx'
import { tellFault } from '../../ui/toasts.tsx'
import { saveExport } from './export.ts'
import { Sharing } from './sharing.tsx'
import type { Thread } from './thread.ts'
import { useProjects } from './use-projects.ts'

type Props = { thread: Thread; onClose: () => void; onDelete: () => void }

/** All that can be done with a conversation besides talking in it. */
export function ConversationDialog({ thread, onClose, onDelete }: Props) {
  const { id, title, project_id, instructions, pinned, archived, temporary } = thread.conversation.value!
  const projects = useProjects()
  const change = async (body: Schemas['ConversationChanges']) =>
    thread.change(await ok(api.PATCH('/api/v1/conversations/{id}', { params: { path: { id } }, body })))
  const save = async (values: Record<string, string>) => {
    const project = temporary ? {} : { project_id: values.project_id || null }
    await change({ title: values.title || null, instructions: values.instructions || null, ...project })
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
        {!temporary && (
          <Field
            as="select"
            name="project_id"
            label="Project"
            key={projects.items.length}
            defaultValue={project_id ?? ''}
          >
            <option value="">None</option>
            {projects.items.map((project) => (
              <option key={project.id} value={project.id} selected={project.id === project_id}>
                {project.name}
              </option>
            ))}
          </Field>
        )}
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
            <button type="button" aria-pressed={pinned} onClick={() => change({ pinned: !pinned }).catch(tellFault)}>
              <Icon name="pin" /> {pinned ? 'Unpin' : 'Pin'}
            </button>
            <button
              type="button"
              aria-pressed={archived}
              onClick={() => change({ archived: !archived }).catch(tellFault)}
            >
              <Icon name="folder" /> {archived ? 'Take out of the archive' : 'Archive'}
            </button>
            <button type="button" onClick={() => saveExport(id).catch(tellFault)}>
              <Icon name="download" /> Export
            </button>
          </>
        )}
        <button type="button" onClick={() => askToDelete(thread, onDelete)}>
          <Icon name="remove" /> Delete
        </button>
      </div>
    </Dialog>
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

import { useState } from 'preact/hooks'
import { api, ok } from '../../api/client.ts'
import { confirm, Dialog } from '../../ui/dialog.tsx'
import { Field, Form } from '../../ui/form.tsx'
import { Icon } from '../../ui/icon.tsx'
import { Listed } from '../../ui/listed.tsx'
import { useIdempotency } from '../../ui/use-idempotency.ts'
import type { Pages } from '../../ui/use-pages.ts'
import type { Project } from './use-projects.ts'

type Props = { projects: Pages<Project>; onClose: () => void; onDelete: (id: string) => void }

/** Projects: conversations that belong together, and what holds for all of them. */
export function ProjectsDialog({ projects, onClose, onDelete }: Props) {
  const [chosen, setChosen] = useState<Project | 'new'>()
  return (
    <Dialog title="Projects" onClose={onClose}>
      {chosen ? (
        <ProjectForm project={chosen} projects={projects} onDone={() => setChosen(undefined)} />
      ) : (
        <>
          <Listed pages={projects} what="projects" by="scrolling" empty={<p class="quiet">There are none yet.</p>}>
            {(items) => (
              <ul class="list">
                {items.map((project) => (
                  <li key={project.id} class="row">
                    <span class="name grow">{project.name}</span>
                    <button
                      type="button"
                      class="plain"
                      aria-label={`Edit ${project.name}`}
                      onClick={() => setChosen(project)}
                    >
                      <Icon name="edit" />
                    </button>
                    <button
                      type="button"
                      class="plain"
                      aria-label={`Delete ${project.name}`}
                      onClick={() => askToDelete(project, projects, onDelete)}
                    >
                      <Icon name="remove" />
                    </button>
                  </li>
                ))}
              </ul>
            )}
          </Listed>
          <footer>
            <button type="button" class="primary" onClick={() => setChosen('new')}>
              <Icon name="add" /> New project
            </button>
          </footer>
        </>
      )}
    </Dialog>
  )
}

function askToDelete({ id, name }: Project, projects: Pages<Project>, onDelete: (id: string) => void): void {
  confirm({
    title: `Delete ${name}?`,
    text: 'All of its conversations are deleted as well. This cannot be undone.',
    action: 'Delete the project',
    act: async () => {
      await ok(api.DELETE('/api/v1/projects/{id}', { params: { path: { id } } }))
      projects.set((items) => items.filter((item) => item.id !== id))
      onDelete(id)
    },
  })
}

type FormProps = { project: Project | 'new'; projects: Pages<Project>; onDone: () => void }

function ProjectForm({ project, projects, onDone }: FormProps) {
  const once = useIdempotency()
  const known = project === 'new' ? undefined : project
  const save = async ({ name = '', instructions }: Record<string, string>) => {
    const body = { name, instructions: instructions || null }
    if (known) {
      const path = { id: known.id }
      const changed = await ok(api.PATCH('/api/v1/projects/{id}', { params: { path }, body }))
      projects.set((items) => items.map((item) => (item.id === changed.id ? changed : item)))
    } else {
      const made = await once(body, (header) => ok(api.POST('/api/v1/projects', { params: { header }, body })))
      projects.set((items) => [made, ...items])
    }
    onDone()
  }
  return (
    <Form
      action={known ? 'Save' : 'Make the project'}
      onSubmit={save}
      more={
        <button type="button" onClick={onDone}>
          Back
        </button>
      }
    >
      <Field name="name" label="Name" required maxLength={120} defaultValue={known?.name} />
      <Field
        as="textarea"
        name="instructions"
        label="Instructions"
        hint="Told to the model in each of its conversations"
        rows={4}
        maxLength={8_000}
        defaultValue={known?.instructions ?? ''}
      />
    </Form>
  )
}

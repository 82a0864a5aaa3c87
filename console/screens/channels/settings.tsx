import { useLocation } from 'preact-iso'
import { api, ok } from '../../api/client.ts'
import { confirm } from '../../ui/dialog.tsx'
import { Field, Form } from '../../ui/form.tsx'
import { tell } from '../../ui/toasts.tsx'
import { type Channel, putChannel, quit } from './my-channels.ts'
import { PanelHead } from './panel-head.tsx'

/** What a channel is called and who may come in; and the ways out of it. */
export function Settings({ channel, onClose }: { channel: Channel; onClose: () => void }) {
  const { route } = useLocation()
  const params = { path: { id: channel.id } }
  const mayModerate = channel.role !== 'member'
  const goBy = (act: () => Promise<unknown>) => () => quit(channel.id, act).then(() => route('/app/channels'))
  return (
    <>
      <PanelHead title="Settings" onClose={onClose} />
      <div class="scrolls">
        {mayModerate && (
          <Form
            action="Save"
            onSubmit={async ({ name, description, visibility, slow_mode_s }) => {
              const body = {
                name,
                description: description || null,
                visibility: visibility as Channel['visibility'],
                slow_mode_s: Number(slow_mode_s),
              }
              putChannel(await ok(api.PATCH('/api/v1/channels/{id}', { params, body })))
              tell('It is saved')
            }}
          >
            <Field name="name" label="Name" defaultValue={channel.name} required />
            <Field name="description" label="What it is about" defaultValue={channel.description ?? ''} />
            <Field name="visibility" label="Who may come in" as="select">
              <option value="public" selected={channel.visibility === 'public'}>
                Everybody
              </option>
              <option value="private" selected={channel.visibility === 'private'}>
                Only who is invited or taken in
              </option>
            </Field>
            <Field
              name="slow_mode_s"
              label="Slow mode"
              hint="Seconds that a member waits between two messages"
              type="number"
              min={0}
              max={21600}
              defaultValue={String(channel.slow_mode_s)}
            />
          </Form>
        )}
        {channel.role !== 'owner' && (
          <button
            type="button"
            onClick={() =>
              confirm({
                title: `Leave ${channel.name}?`,
                text: 'What you have said stays. Nothing of it reaches you any more.',
                action: 'Leave the channel',
                act: goBy(() => ok(api.POST('/api/v1/channels/{id}/leave', { params }))),
              })
            }
          >
            Leave the channel
          </button>
        )}
        {channel.role === 'owner' && (
          <button
            type="button"
            class="danger"
            onClick={() =>
              confirm({
                title: `Delete ${channel.name}?`,
                text: 'It goes for all of its members, with all that was said in it.',
                action: 'Delete the channel',
                act: goBy(() => ok(api.DELETE('/api/v1/channels/{id}', { params }))),
              })
            }
          >
            Delete the channel
          </button>
        )}
      </div>
    </>
  )
}

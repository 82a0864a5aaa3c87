import { useState } from 'preact/hooks'
import { api, ok, type Schemas } from '../../api/client.ts'
import { me } from '../../api/session.ts'
import { AsyncButton } from '../../ui/async-button.tsx'
import { confirm, Dialog } from '../../ui/dialog.tsx'
import { Field, Form } from '../../ui/form.tsx'
import { Icon } from '../../ui/icon.tsx'
import { Time } from '../../ui/time.tsx'
import { tell } from '../../ui/toasts.tsx'
import type { Member } from './membership.ts'
import type { Channel } from './my-channels.ts'

type Props = { channel: Channel; member: Member; state: 'online' | 'away' | undefined; mayModerate: boolean }

/** A member, and what may be done about them by who moderates. */
export function MemberRow({ channel, member, state, mayModerate }: Props) {
  const [isOpen, setOpen] = useState(false)
  const { user, role, muted_until } = member
  const isMuted = muted_until !== null && Date.parse(muted_until) > Date.now()
  const isMe = user.id === me.value!.id
  return (
    <li>
      <div class="row">
        <span class={`presence ${state ?? 'offline'}`} aria-hidden="true" />
        <div class="grow">
          <strong>{user.display_name}</strong> {user.kind === 'chatbot' && <span class="mark">Chatbot</span>}
          {role !== 'member' && <span class="mark">{role}</span>}
          <div class="quiet">
            {user.username && `@${user.username}`} {user.kind === 'user' && (state ?? 'offline')}
          </div>
          {isMuted && (
            <div class="quiet">
              Muted until <Time at={muted_until} />
            </div>
          )}
        </div>
        {mayModerate && !isMe && role !== 'owner' && (
          <button
            type="button"
            class="plain"
            aria-label={`Actions for ${user.display_name}`}
            aria-expanded={isOpen}
            onClick={() => setOpen(!isOpen)}
          >
            <Icon name="more" />
          </button>
        )}
      </div>
      {isOpen && <Actions channel={channel} member={member} isMuted={isMuted} onDone={() => setOpen(false)} />}
    </li>
  )
}

const HOUR_MS = 3_600_000

type ActionsProps = { channel: Channel; member: Member; isMuted: boolean; onDone: () => void }

function Actions({ channel, member, isMuted, onDone }: ActionsProps) {
  const [isBanning, setBanning] = useState(false)
  const { user, role } = member
  const path = { id: channel.id, user_id: user.id }
  const update = (body: Schemas['MemberChanges']) =>
    ok(api.PATCH('/api/v1/channels/{id}/members/{user_id}', { params: { path }, body }))
  const mute = () => update({ muted_until: isMuted ? null : new Date(Date.now() + HOUR_MS).toISOString() }).then(onDone)
  const moderate = () => update({ role: role === 'moderator' ? 'member' : 'moderator' }).then(onDone)
  const isOwner = channel.role === 'owner' && user.kind === 'user'
  return (
    <div class="member-actions">
      <AsyncButton act={mute}>{isMuted ? 'Let speak' : 'Mute for an hour'}</AsyncButton>
      {isOwner && (
        <AsyncButton act={moderate}>{role === 'moderator' ? 'Take moderation away' : 'Make moderator'}</AsyncButton>
      )}
      {isOwner && (
        <button
          type="button"
          onClick={() =>
            confirm({
              title: `Hand the channel to ${user.display_name}?`,
              text: 'They own it then, and you remain a moderator. Only they can give it back.',
              action: 'Hand it over',
              act: () => update({ role: 'owner' }).then(onDone),
            })
          }
        >
          Make owner
        </button>
      )}
      <button
        type="button"
        onClick={() =>
          confirm({
            title: `Take ${user.display_name} out?`,
            text: 'They can come back as they came in.',
            action: 'Take out',
            act: () => ok(api.DELETE('/api/v1/channels/{id}/members/{user_id}', { params: { path } })),
          })
        }
      >
        Take out
      </button>
      {user.username && (
        <button type="button" onClick={() => setBanning(true)}>
          Ban…
        </button>
      )}
      {isBanning && <Ban channelId={channel.id} username={user.username!} onClose={() => setBanning(false)} />}
    </div>
  )
}

const Ban = ({ channelId, username, onClose }: { channelId: string; username: string; onClose: () => void }) => (
  <Dialog title={`Ban ${username}?`} onClose={onClose}>
    <p>From then on nothing of this channel reaches them, until the ban is lifted.</p>
    <Form
      action="Ban"
      onSubmit={async ({ reason }) => {
        const params = { path: { id: channelId, username } }
        const body = { reason: reason || null }
        await ok(api.POST('/api/v1/channels/{id}/ban-by-username/{username}', { params, body }))
        tell(`${username} is banned`)
        onClose()
      }}
    >
      <Field
        name="reason"
        label="Reason"
        hint="They are told it, and moderators see it; may be empty"
        maxLength={500}
      />
    </Form>
  </Dialog>
)

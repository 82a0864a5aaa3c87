import { useState } from 'preact/hooks'
import { api, ok, page, type Schemas } from '../../api/client.ts'
import { Copy } from '../../ui/copy.tsx'
import { confirm } from '../../ui/dialog.tsx'
import { Field, Form } from '../../ui/form.tsx'
import { Listed } from '../../ui/listed.tsx'
import { Empty } from '../../ui/states.tsx'
import { Time } from '../../ui/time.tsx'
import { tell } from '../../ui/toasts.tsx'
import { useIdempotency } from '../../ui/use-idempotency.ts'
import { usePages } from '../../ui/use-pages.ts'

const DAY_S = 86_400

/** The ways into a channel that were given away, newest first. */
export function Invites({ channelId }: { channelId: string }) {
  const once = useIdempotency()
  const [code, setCode] = useState<string>()
  const invites = usePages<Schemas['Invite']>(
    (cursor) =>
      page(api.GET('/api/v1/channels/{id}/invites', { params: { path: { id: channelId }, query: { cursor } } })),
    [channelId],
  )
  const askToTakeBack = ({ id }: Schemas['Invite']) =>
    confirm({
      title: 'Take this invitation back?',
      text: 'Nobody comes in by it any more. Who came in stays.',
      action: 'Take it back',
      async act() {
        const path = { id: channelId, invite_id: id }
        await ok(api.DELETE('/api/v1/channels/{id}/invites/{invite_id}', { params: { path } }))
        invites.set((items) => items.filter((invite) => invite.id !== id))
      },
    })
  return (
    <>
      <Form
        action="Make an invitation"
        onSubmit={async ({ days = '', uses = '' }) => {
          const body = { expires_in: days ? Number(days) * DAY_S : null, max_uses: uses ? Number(uses) : null }
          const { code, ...invite } = await once(body, (header) =>
            ok(api.POST('/api/v1/channels/{id}/invites', { params: { path: { id: channelId }, header }, body })),
          )
          if (code === null) {
            // A repeated request makes no second invitation, and is not told the first code again.
            invites.reload()
            return tell('The invitation was made before, and its code cannot be shown again')
          }
          setCode(code)
          invites.set((items) => [invite, ...items])
        }}
      >
        <Field name="days" label="Days that it is good for" hint="Empty: for ever" type="number" min={1} max={30} />
        <Field name="uses" label="How many may come in by it" hint="Empty: all" type="number" min={1} max={1000} />
      </Form>
      {code && <Code code={code} />}
      <Listed pages={invites} what="invitations" empty={<Empty title="There are no invitations" />}>
        {(items) => (
          <ul class="list">
            {items.map((invite) => (
              <li key={invite.id} class="row">
                <div class="grow">
                  Used {invite.uses}
                  {invite.max_uses !== null && ` of ${invite.max_uses}`} times
                  <div class="quiet">
                    Made <Time at={invite.created_at} />
                    {invite.expires_at && (
                      <>
                        , good until <Time at={invite.expires_at} />
                      </>
                    )}
                  </div>
                </div>
                <button type="button" onClick={() => askToTakeBack(invite)}>
                  Take back
                </button>
              </li>
            ))}
          </ul>
        )}
      </Listed>
    </>
  )
}

const Code = ({ code }: { code: string }) => (
  <div class="note" role="status">
    <div class="row">
      <code class="grow">{code}</code>
      <Copy text={code} what="the code" />
    </div>
    <span class="quiet">It is shown this once: pass it on.</span>
  </div>
)

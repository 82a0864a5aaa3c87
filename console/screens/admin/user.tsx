import { useLocation } from 'preact-iso'
import { api, ok, type Schemas } from '../../api/client.ts'
import { end, me, updateMe } from '../../api/session.ts'
import { AsyncButton } from '../../ui/async-button.tsx'
import { confirm } from '../../ui/dialog.tsx'
import { Field, Form } from '../../ui/form.tsx'
import { Loaded } from '../../ui/loaded.tsx'
import { Failed, Loading } from '../../ui/states.tsx'
import { Time } from '../../ui/time.tsx'
import { tell } from '../../ui/toasts.tsx'
import { useLoad } from '../../ui/use-load.ts'
import { usePlans } from '../../ui/use-plans.ts'
import { ChatbotsOf, ConversationsOf, Recorded } from './belongings.tsx'
import { UsageByModel } from './usage-by-model.tsx'

type Account = Schemas['AccountOfUser']

/** One user, and what an administrator may do about them. */
export function User({ id }: { id: string }) {
  const path = { params: { path: { id } } }
  const { data: user, error, reload, set } = useLoad(() => ok(api.GET('/api/v1/admin/users/{id}', path)), [id])
  const change = async (body: Schemas['AccountChanges']) => {
    const { is_active, last_active_at, ...account } = await ok(api.PATCH('/api/v1/admin/users/{id}', { ...path, body }))
    set(() => ({ ...account, is_active, last_active_at }))
    tell(`${account.display_name} is changed`)
    if (id === me.value?.id) updateMe(account)
  }
  if (!user) return error === undefined ? <Loading what="the user" /> : <Failed error={error} retry={reload} />
  return (
    <>
      <h1>{user.display_name}</h1>
      <Facts {...user} />
      <p>
        <a href={`/app/admin/audit?target_id=${id}`}>What was done to this account</a> ·{' '}
        <a href={`/app/admin/audit?actor_id=${id}`}>What it has done</a>
      </p>
      <PlanOf user={user} change={change} />
      <Standing user={user} change={change} />
      <UsageByModel userId={id} />
      <Recorded title="Conversations">
        <ConversationsOf userId={id} />
      </Recorded>
      <Recorded title="Chatbots">
        <ChatbotsOf userId={id} />
      </Recorded>
    </>
  )
}

const Facts = (user: Account) => (
  <dl class="facts">
    <dt>Username</dt>
    <dd>{user.username ?? 'none'}</dd>
    <dt>Email</dt>
    <dd>
      {user.email ?? 'none'}
      {user.email && !user.email_verified && <span class="quiet"> not confirmed</span>}
    </dd>
    <dt>Role</dt>
    <dd>{user.role}</dd>
    <dt>State</dt>
    <dd>
      <span class={user.is_active ? 'mark good' : 'mark fault'}>{user.is_active ? 'active' : 'disabled'}</span>
    </dd>
    <dt>Joined</dt>
    <dd>
      <Time at={user.created_at} />
    </dd>
    <dt>Last active</dt>
    <dd>{user.last_active_at ? <Time at={user.last_active_at} /> : 'never'}</dd>
    <dt>Id</dt>
    <dd>
      <code>{user.id}</code>
    </dd>
  </dl>
)

type Changing = { user: Account; change: (changes: Schemas['AccountChanges']) => Promise<void> }

function PlanOf({ user, change }: Changing) {
  const plans = usePlans()
  return (
    <section class="part">
      <h2>Plan</h2>
      <Loaded of={plans} what="the plans">
        {(plans) => (
          <Form key={user.plan} action="Change the plan" onSubmit={({ plan }) => change({ plan })}>
            <Field as="select" name="plan" label="What this account may use" defaultValue={user.plan}>
              {plans.map(({ id }) => (
                <option key={id} value={id} selected={id === user.plan}>
                  {id}
                </option>
              ))}
            </Field>
          </Form>
        )}
      </Loaded>
    </section>
  )
}

function Standing({ user, change }: Changing) {
  const { route } = useLocation()
  const isAdmin = user.role === 'admin'
  const name = user.display_name
  const askRole = () =>
    confirm(
      isAdmin
        ? {
            title: `Make ${name} an ordinary user?`,
            text: 'The administration closes for this account with its next request.',
            action: 'Take the role away',
            act: () => change({ role: 'user' }),
          }
        : {
            title: `Make ${name} an administrator?`,
            text: 'An administrator can read every conversation, change every account, and delete it.',
            action: 'Make an administrator',
            act: () => change({ role: 'admin' }),
          },
    )
  const askState = () =>
    confirm({
      title: `Disable ${name}?`,
      text: 'The account is signed out everywhere and cannot sign in until it is enabled again. Nothing of it is deleted.',
      action: 'Disable the account',
      act: () => change({ is_active: false }),
    })
  const askDeletion = () =>
    confirm({
      title: `Delete ${name}?`,
      text: 'The account is closed for good, and its projects, conversations, files and chatbots are removed. Nobody can take that back.',
      action: 'Delete the account',
      act: async () => {
        const { complete } = await ok(api.DELETE('/api/v1/admin/users/{id}', { params: { path: { id: user.id } } }))
        tell(complete ? `${name} is deleted` : `${name} is closed; the server goes on removing what there was`)
        if (user.id === me.value?.id) await end()
        else route('/app/admin/users', true)
      },
    })
  return (
    <section class="part">
      <h2>Role and state</h2>
      <div class="row wrap">
        <button type="button" onClick={askRole}>
          {isAdmin ? 'Make an ordinary user' : 'Make an administrator'}
        </button>
        {user.is_active ? (
          <button type="button" onClick={askState}>
            Disable
          </button>
        ) : (
          <AsyncButton act={() => change({ is_active: true })}>Enable</AsyncButton>
        )}
        <button type="button" class="danger" onClick={askDeletion}>
          Delete
        </button>
      </div>
    </section>
  )
}

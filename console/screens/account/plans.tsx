import { useState } from 'preact/hooks'
import { api, ok, type Schemas } from '../../api/client.ts'
import { me, updateMe } from '../../api/session.ts'
import { bytes, whole } from '../../ui/numbers.ts'
import { Failed, Loading } from '../../ui/states.tsx'
import { tell, tellFault } from '../../ui/toasts.tsx'
import { useLoad } from '../../ui/use-load.ts'

/** What each plan allows, and the way to another one. */
export function Plans() {
  const { data: plans, error, reload } = useLoad(() => ok(api.GET('/api/v1/plans')), [])
  const [isBusy, setBusy] = useState(false)
  const change = async (plan: string) => {
    setBusy(true)
    try {
      updateMe(await ok(api.POST('/api/v1/user/upgrade', { body: { plan } })))
      tell(`Your plan is ${plan} now`)
    } catch (error) {
      tellFault(error)
    }
    setBusy(false)
  }
  return (
    <section aria-labelledby="plans">
      <h2 id="plans">Plans</h2>
      {error !== undefined && <Failed error={error} retry={reload} />}
      {!plans && error === undefined && <Loading what="the plans" />}
      <ul class="plans">
        {plans?.map((plan) => (
          <li key={plan.id} aria-current={plan.id === me.value?.plan ? 'true' : undefined}>
            <h3>{plan.id}</h3>
            <Allowed {...plan} />
            {plan.id === me.value?.plan ? (
              <span class="mark good">Yours</span>
            ) : (
              <button type="button" disabled={isBusy} onClick={() => change(plan.id)}>
                Change to {plan.id}
              </button>
            )}
          </li>
        ))}
      </ul>
    </section>
  )
}

const Allowed = (plan: Schemas['Plan']) => (
  <p class="quiet">
    {whole(plan.messages_per_month)} messages and {whole(plan.tokens_per_month)} tokens a month, {plan.runs_at_once}{' '}
    answers at once, {bytes(plan.storage_bytes)} of files. Models: {plan.models.join(', ')}
  </p>
)

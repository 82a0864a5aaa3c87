import { api, ok, type Schemas } from '../../api/client.ts'
import { me, updateMe } from '../../api/session.ts'
import { AsyncButton } from '../../ui/async-button.tsx'
import { Loaded } from '../../ui/loaded.tsx'
import { bytes, whole } from '../../ui/numbers.ts'
import { tell } from '../../ui/toasts.tsx'
import { usePlans } from '../../ui/use-plans.ts'

/** What each plan allows, and the way to another one. */
export function Plans() {
  const plans = usePlans()
  const change = async (plan: string) => {
    updateMe(await ok(api.POST('/api/v1/user/upgrade', { body: { plan } })))
    tell(`Your plan is ${plan} now`)
  }
  return (
    <section aria-labelledby="plans">
      <h2 id="plans">Plans</h2>
      <Loaded of={plans} what="the plans">
        {(plans) => (
          <ul class="plans">
            {plans.map((plan) => (
              <li key={plan.id} aria-current={plan.id === me.value?.plan ? 'true' : undefined}>
                <h3>{plan.id}</h3>
                <Allowed {...plan} />
                {plan.id === me.value?.plan ? (
                  <span class="mark good">Yours</span>
                ) : (
                  <AsyncButton act={() => change(plan.id)}>Change to {plan.id}</AsyncButton>
                )}
              </li>
            ))}
          </ul>
        )}
      </Loaded>
    </section>
  )
}

const Allowed = (plan: Schemas['Plan']) => (
  <p class="quiet">
    {whole(plan.messages_per_month)} messages and {whole(plan.tokens_per_month)} tokens a month, {plan.runs_at_once}{' '}
    answers at once, {bytes(plan.storage_bytes)} of files. Models: {plan.models.join(', ')}
  </p>
)

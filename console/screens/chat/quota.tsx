import { signal } from '@preact/signals'
import { useEffect } from 'preact/hooks'
import { api, ok, type Schemas } from '../../api/client.ts'
import { me } from '../../api/session.ts'
import { compact } from '../../ui/numbers.ts'

type Usage = Schemas['UsageOfPlan']

/** The last answer, and whose usage it tells. */
const answer = signal<{ userId: string | undefined; usage: Usage } | undefined>(undefined)

/** Asks what is left of the month. What is shown stays until there is an answer: it is no reason to disturb anybody. */
export async function refreshQuota(): Promise<void> {
  const userId = me.value?.id
  const usage = await ok(api.GET('/api/v1/user/usage')).catch(() => undefined)
  if (usage) answer.value = { userId, usage }
}

/** What is left of the month. */
export function Quota() {
  const userId = me.value?.id
  useEffect(() => void refreshQuota(), [userId])
  if (answer.value?.userId !== userId || !answer.value) return null
  const { plan, messages, tokens, period_end } = answer.value.usage
  const end = new Date(period_end).toLocaleDateString(undefined, { dateStyle: 'medium', timeZone: 'UTC' })
  const isLow = shareLeft(messages) < 0.1 || shareLeft(tokens) < 0.1
  return (
    <p class={isLow ? 'quota fault' : 'quota quiet'} title={`Plan ${plan}, anew on ${end}`}>
      {compact(left(messages))} of {compact(messages.limit)} messages, {compact(left(tokens))} of{' '}
      {compact(tokens.limit)} tokens left
    </p>
  )
}

const left = ({ limit, used, held }: Usage['tokens']) => Math.max(0, limit - used - held)
const shareLeft = (counts: Usage['tokens']) => left(counts) / counts.limit

import { signal } from '@preact/signals'
import { useEffect } from 'preact/hooks'
import { api, ok, type Schemas } from '../../api/client.ts'

type Usage = Schemas['UsageOfPlan']

const usage = signal<Usage | undefined>(undefined)

/** Asks what is left of the month. What is shown stays until there is an answer: it is no reason to disturb anybody. */
export async function refreshQuota(): Promise<void> {
  const found = await ok(api.GET('/api/v1/user/usage')).catch(() => undefined)
  if (found) usage.value = found
}

/** What is left of the month. */
export function Quota() {
  useEffect(() => void refreshQuota(), [])
  if (!usage.value) return null
  const { plan, messages, tokens, period_end } = usage.value
  const end = new Date(period_end).toLocaleDateString(undefined, { dateStyle: 'medium', timeZone: 'UTC' })
  const isLow = shareLeft(messages) < 0.1 || shareLeft(tokens) < 0.1
  return (
    <p class={isLow ? 'quota fault' : 'quota quiet'} title={`Plan ${plan}, anew on ${end}`}>
      {COUNT.format(left(messages))} of {COUNT.format(messages.limit)} messages, {COUNT.format(left(tokens))} of{' '}
      {COUNT.format(tokens.limit)} tokens left
    </p>
  )
}

export const COUNT = new Intl.NumberFormat(undefined, { notation: 'compact', maximumFractionDigits: 1 })

const left = ({ limit, used, held }: Usage['tokens']) => Math.max(0, limit - used - held)
const shareLeft = (counts: Usage['tokens']) => left(counts) / counts.limit

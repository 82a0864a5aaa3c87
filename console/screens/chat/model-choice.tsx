import { api, ok } from '../../api/client.ts'
import { me } from '../../api/session.ts'
import { useLoad } from '../../ui/use-load.ts'
import { replySettings } from './settings.ts'

/** Which model answers, of those that the plan has. */
export function ModelChoice() {
  const plan = me.value?.plan
  const { data: plans } = useLoad(() => ok(api.GET('/api/v1/plans')), [plan])
  const models = plans?.find(({ id }) => id === plan)?.models ?? []
  const { model } = replySettings.value
  const isThere = model !== undefined && models.includes(model)
  // One that the plan has no more would be refused each time.
  if (plans && model !== undefined && !isThere) replySettings.value = { ...replySettings.value, model: undefined }
  return (
    <select
      class="model"
      aria-label="Model"
      value={model ?? ''}
      onChange={({ currentTarget }) => {
        replySettings.value = { ...replySettings.value, model: currentTarget.value || undefined }
      }}
    >
      <option value="">Usual model</option>
      {models.map((id) => (
        <option key={id} value={id}>
          {id}
        </option>
      ))}
    </select>
  )
}

import { useModels } from '../../ui/use-plans.ts'
import { replySettings } from './settings.ts'

/** Which model answers, of those that the plan has. */
export function ModelChoice() {
  const models = useModels()
  const { model } = replySettings.value
  const isThere = model !== undefined && models?.includes(model)
  // One that the plan has no more would be refused each time.
  if (models && model !== undefined && !isThere) replySettings.value = { ...replySettings.value, model: undefined }
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
      {models?.map((id) => (
        <option key={id} value={id}>
          {id}
        </option>
      ))}
    </select>
  )
}

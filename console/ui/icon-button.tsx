import { AsyncButton } from './async-button.tsx'
import { Icon, type IconName } from './icon.tsx'

type Props = { icon: IconName; name: string; act: () => unknown; isOn?: boolean; isOff?: boolean }

/** A small button, of which the icon says what it does. */
export const IconButton = ({ icon, name, act, isOn, isOff = false }: Props) => (
  <AsyncButton class="plain small" title={name} aria-label={name} aria-pressed={isOn} disabled={isOff} act={act}>
    <Icon name={icon} />
  </AsyncButton>
)

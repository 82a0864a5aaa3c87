import { whole } from './numbers.ts'

type Props = {
  label: string
  used: number
  limit: number
  /** What answers that are being written may still take. */
  held?: number
  format?: (value: number) => string
}

/** How much of what is allowed is used. */
export function Meter({ label, used, limit, held = 0, format = whole }: Props) {
  const text = `${format(used)} of ${format(limit)}${held > 0 ? `, ${format(held)} held` : ''}`
  return (
    <div>
      <div class="row">
        <span class="grow">{label}</span>
        <span class="quiet">{text}</span>
      </div>
      {/* From nine tenths on it warns. */}
      <meter aria-label={label} aria-valuetext={text} max={limit} value={used} high={0.9 * limit} optimum={0} />
    </div>
  )
}

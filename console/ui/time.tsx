const TODAY = new Intl.DateTimeFormat(undefined, { timeStyle: 'short' })
const LATER = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium' })
const WHOLE = new Intl.DateTimeFormat(undefined, { dateStyle: 'full', timeStyle: 'medium' })

const EXACT = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium', timeStyle: 'short' })

/** When something was, to the minute: where the order of things matters. */
export const ExactTime = ({ at }: { at: string }) => (
  <time dateTime={at} title={WHOLE.format(new Date(at))}>
    {EXACT.format(new Date(at))}
  </time>
)

/** When something was: today by the hour, else by the day; all of it when pointed at. */
export function Time({ at }: { at: string }) {
  const date = new Date(at)
  const isToday = date.toDateString() === new Date().toDateString()
  return (
    <time dateTime={at} title={WHOLE.format(date)}>
      {(isToday ? TODAY : LATER).format(date)}
    </time>
  )
}

import { useEffect, useRef, useState } from 'preact/hooks'
import { Failed } from '../../ui/states.tsx'
import { Table } from '../../ui/table.tsx'
import { theme } from '../../ui/theme.ts'
import { useLoad } from '../../ui/use-load.ts'
import type { Colours, Picture } from './plot.ts'

type Props = {
  title: string
  /** UTC, as `2026-01-31`. */
  days: string[]
  series: { name: string; values: (number | null)[] }[]
  kind: Picture['kind']
  scale: Scale
}

/** How values are written, beside the grid and everywhere else, and where the lines of the grid may be. */
export type Scale = { steps: number[]; label: (value: number) => string; exact: (value: number) => string }

const DAY = new Intl.DateTimeFormat(undefined, { day: 'numeric', month: 'short', timeZone: 'UTC' })
const WHOLE_DAY = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium', timeZone: 'UTC' })

/** A chart over days. Its legend tells the values of the day that is pointed at; a table has them all. */
export function Chart({ title, days, series, kind, scale }: Props) {
  const [at = days.length - 1, setAt] = useState<number>()
  const [isOpen, setIsOpen] = useState(false)
  const figure = useRef<HTMLElement>(null)
  const place = useRef<HTMLDivElement>(null)
  const plotting = useLoad(() => import('./plot.ts'), [])
  const scheme = useScheme()
  useEffect(() => {
    if (!plotting.data) return
    const gone = new AbortController()
    setAt(undefined)
    const picture = {
      days: days.map((day) => DAY.format(new Date(day))),
      series: series.map(({ values }) => values),
      kind,
      steps: scale.steps,
      label: scale.label,
    }
    plotting.data.draw(place.current!, picture, coloursOf(figure.current!), setAt, gone.signal)
    return () => gone.abort()
  }, [plotting.data, days, scheme])

  const text = (value: number | null | undefined) => (value == null ? '–' : scale.exact(value))
  return (
    <figure ref={figure} class="chart">
      <figcaption>
        <h2>{title}</h2>
        <p class="quiet">{days[at] && WHOLE_DAY.format(new Date(days[at]))}</p>
      </figcaption>
      <ul class="legend">
        {series.map(({ name, values }, number) => (
          <li key={name}>
            <span class={`swatch series-${number + 1}`} /> {name} <b>{text(values[at])}</b>
          </li>
        ))}
      </ul>
      <div ref={place} class="plot" aria-hidden="true" />
      {plotting.error !== undefined && <Failed error={plotting.error} retry={plotting.reload} />}
      <details onToggle={({ currentTarget }) => setIsOpen(currentTarget.open)}>
        <summary>
          As a table<span class="visually-hidden">: {title}</span>
        </summary>
        {isOpen && (
          <Table label={title} columns={['Day (UTC)', ...series.map(({ name }) => name)]}>
            <tbody>
              {days.map((day, row) => (
                <tr key={day}>
                  <th scope="row">{day}</th>
                  {series.map(({ values }) => (
                    <td>{text(values[row])}</td>
                  ))}
                </tr>
              ))}
            </tbody>
          </Table>
        )}
      </details>
    </figure>
  )
}

/** Colours as they are shown: a canvas cannot read what the style sheet says of light and dark. */
function coloursOf(figure: HTMLElement): Colours {
  const { color, borderTopColor, fontFamily } = getComputedStyle(figure)
  const swatches = [...figure.querySelectorAll('.swatch')]
  return {
    series: swatches.map((swatch) => getComputedStyle(swatch).backgroundColor),
    text: color,
    grid: borderTopColor,
    font: fontFamily,
  }
}

const DARK = matchMedia('(prefers-color-scheme: dark)')

/** What the colours depend on: when it changes, they have to be read again. */
function useScheme(): string {
  const [isDark, setIsDark] = useState(DARK.matches)
  useEffect(() => {
    const change = () => setIsDark(DARK.matches)
    DARK.addEventListener('change', change)
    return () => DARK.removeEventListener('change', change)
  }, [])
  return `${theme.value} ${isDark}`
}

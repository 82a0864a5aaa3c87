import uPlot from 'uplot'
import 'uplot/dist/uPlot.min.css'

/** What is drawn over the days: their names, and a value for each, or none. */
export type Picture = {
  days: string[]
  series: (number | null)[][]
  /** Lines from zero, or bars that stand on each other. */
  kind: 'line' | 'bars'
  /** Distances that lines of the grid may have. */
  steps: number[]
  label: (value: number) => string
}

/** As the style sheet has them now. */
export type Colours = { series: string[]; text: string; grid: string; font: string }

const HEIGHT = 200
/** Distances in days. */
const DAY_STEPS = [1, 2, 7, 14, 28, 56, 91]

/** Draws into `place`, as wide as it is, until the signal aborts. `onPoint` gets the day that is pointed at. */
export function draw(
  place: HTMLElement,
  picture: Picture,
  colours: Colours,
  onPoint: (at: number | undefined) => void,
  signal: AbortSignal,
): void {
  const { days, series, kind, steps, label } = picture
  const last = days.length - 1
  // The highest bar is drawn first, and what it stands on over it.
  const drawn = kind === 'bars' ? stacked(series).reverse() : series
  const strokes = kind === 'bars' ? colours.series.slice(0, series.length).reverse() : colours.series
  const font = `12px ${colours.font}`
  const plot = new uPlot(
    {
      width: place.clientWidth,
      height: HEIGHT,
      legend: { show: false },
      padding: [8, 8, 0, 0],
      cursor: { y: false, drag: { x: false, y: false }, points: { show: kind === 'line' } },
      scales: {
        x: { time: false, range: () => [-0.5, last + 0.5] },
        y: { range: (_, __, max) => [0, Math.max(max ?? 0, 1) * 1.05] },
      },
      axes: [
        {
          stroke: colours.text,
          font,
          size: 28,
          grid: { show: false },
          ticks: { stroke: colours.grid, size: 4 },
          incrs: DAY_STEPS,
          space: 64,
          values: (_, ats) => ats.map((at) => days[at] ?? ''),
        },
        {
          stroke: colours.text,
          font,
          grid: { stroke: colours.grid, width: 1 },
          ticks: { show: false },
          incrs: steps,
          space: 36,
          size: 60,
          values: (_, values) => values.map(label),
        },
      ],
      series: [
        {},
        ...drawn.map((_, at) => ({
          stroke: strokes[at],
          width: 2,
          ...(kind === 'bars'
            ? { fill: strokes[at], width: 0, points: { show: false }, paths: uPlot.paths.bars!({ size: [0.7, 32] }) }
            : { spanGaps: true }),
        })),
      ],
      hooks: { setCursor: [({ cursor }) => onPoint(cursor.idx ?? undefined)] },
    },
    [days.map((_, at) => at), ...drawn],
    place,
  )
  const resized = new ResizeObserver(() => plot.setSize({ width: place.clientWidth, height: HEIGHT }))
  resized.observe(place)
  signal.addEventListener('abort', () => {
    resized.disconnect()
    plot.destroy()
  })
}

function stacked(series: (number | null)[][]): number[][] {
  let below: number[] = []
  return series.map((values) => (below = values.map((value, at) => (value ?? 0) + (below[at] ?? 0))))
}

import { useMemo } from 'preact/hooks'
import { useLocation } from 'preact-iso'
import { api, ok, type Schemas } from '../../api/client.ts'
import { Loaded } from '../../ui/loaded.tsx'
import { bytes, compact, duration, whole } from '../../ui/numbers.ts'
import { useLoad } from '../../ui/use-load.ts'
import { Chart, type Scale } from './chart.tsx'
import { UsageByModel } from './usage-by-model.tsx'

const RANGES = [7, 30, 90, 366]
const DEFAULT_DAYS = 30

const POWERS = Array.from({ length: 15 }, (_, power) => 10 ** power)
const COUNTS: Scale = { steps: POWERS.flatMap((one) => [one, 2 * one, 5 * one]), label: compact, exact: whole }
const BYTES: Scale = { steps: Array.from({ length: 50 }, (_, power) => 2 ** power), label: bytes, exact: bytes }
const TIMES: Scale = { ...COUNTS, label: duration, exact: duration }

/** How much there is, and what each day brought. */
export function Overview() {
  const { query, route } = useLocation()
  const days = RANGES.find((range) => String(range) === query.days) ?? DEFAULT_DAYS
  const figures = useLoad(() => ok(api.GET('/api/v1/admin/metrics', { params: { query: { days } } })), [days])
  return (
    <>
      <header class="row">
        <h1 class="grow">Overview</h1>
        <label class="row">
          <span class="quiet">Days</span>
          <select value={days} onChange={({ currentTarget }) => route(`/app/admin?days=${currentTarget.value}`, true)}>
            {RANGES.map((range) => (
              <option key={range} value={range}>
                {range}
              </option>
            ))}
          </select>
        </label>
      </header>
      <Loaded of={figures} what="the figures">
        {(figures) => <Figures {...figures} />}
      </Loaded>
    </>
  )
}

function Figures(metrics: Schemas['Metrics']) {
  const { days } = metrics
  const names = useMemo(() => days.map(({ day }) => day), [days])
  const of = (value: (day: Schemas['MetricsDay']) => number | null) => days.map(value)
  return (
    <>
      <dl class="tiles">
        <Tile name="Users" value={whole(metrics.total_users)} />
        <Tile name="Active in 24 h" value={whole(metrics.active_users_24h)} />
        <Tile name="Projects" value={whole(metrics.total_projects)} />
        <Tile name="Conversations" value={whole(metrics.total_conversations)} />
        <Tile name="Messages" value={whole(metrics.total_messages)} />
        <Tile name="Storage" value={bytes(metrics.storage_bytes)} />
      </dl>
      <div class="charts">
        <Chart
          title="Users"
          days={names}
          kind="line"
          scale={COUNTS}
          series={[
            { name: 'In all', values: of((day) => day.users) },
            { name: 'Active', values: of((day) => day.active_users) },
            { name: 'New', values: of((day) => day.new_users) },
          ]}
        />
        <Chart
          title="Messages"
          days={names}
          kind="bars"
          scale={COUNTS}
          series={[{ name: 'Written', values: of((day) => day.messages) }]}
        />
        <Chart
          title="Tokens"
          days={names}
          kind="bars"
          scale={COUNTS}
          series={[{ name: 'Charged', values: of((day) => day.tokens) }]}
        />
        <Chart
          title="Runs by outcome"
          days={names}
          kind="bars"
          scale={COUNTS}
          series={[
            { name: 'Completed', values: of((day) => day.runs.completed) },
            { name: 'Failed', values: of((day) => day.runs.failed) },
            { name: 'Cancelled', values: of((day) => day.runs.cancelled) },
            { name: 'Interrupted', values: of((day) => day.runs.interrupted) },
          ]}
        />
        <Chart
          title="Latency of replies"
          days={names}
          kind="line"
          scale={TIMES}
          series={[
            { name: 'Half within', values: of((day) => day.duration_ms?.p50 ?? null) },
            { name: '95 % within', values: of((day) => day.duration_ms?.p95 ?? null) },
          ]}
        />
        <Chart
          title="Storage"
          days={names}
          kind="line"
          scale={BYTES}
          series={[{ name: 'Stored', values: of((day) => day.storage_bytes) }]}
        />
      </div>
      <UsageByModel from={names[0]!} />
    </>
  )
}

const Tile = ({ name, value }: { name: string; value: string }) => (
  <div>
    <dt>{name}</dt>
    <dd>{value}</dd>
  </div>
)

import { api, ok, type Schemas } from '../../api/client.ts'
import { toProblem } from '../../api/problem.ts'
import { Loaded } from '../../ui/loaded.tsx'
import { bytes, whole } from '../../ui/numbers.ts'
import { Table } from '../../ui/table.tsx'
import { useLoad } from '../../ui/use-load.ts'
import { usePlans } from '../../ui/use-plans.ts'

/** Whether the server is well, what it runs on, and what it offers. */
export const System = () => (
  <>
    <h1>System</h1>
    <Health />
    <Database />
    <Documents />
    <Plans />
  </>
)

function Health() {
  const health = useLoad(() => ok(api.GET('/api/v1/health')), [])
  const readiness = useLoad(readReadiness, [])
  return (
    <section class="part">
      <h2>Health</h2>
      <dl class="facts">
        <dt>Process</dt>
        <dd>
          <Loaded of={health} what="this">
            {({ status }) => <Mark state={status} />}
          </Loaded>
        </dd>
        <Loaded of={readiness} what="this">
          {({ checks, warnings }) => (
            <>
              <dt>Database</dt>
              <dd>
                <Mark state={checks.database} />
              </dd>
              <dt>Migrations</dt>
              <dd>
                <Mark state={checks.migrations} />
              </dd>
              {warnings.map((warning) => (
                <>
                  <dt>Warning</dt>
                  <dd>{warning}</dd>
                </>
              ))}
            </>
          )}
        </Loaded>
      </dl>
    </section>
  )
}

/** What is missing is told with a 503, which is no failure of the question. */
async function readReadiness(): Promise<Schemas['Readiness']> {
  const { data, error, response } = await api.GET('/api/v1/ready')
  const found = data ?? error
  if (!found || !('checks' in found)) throw toProblem(response, found)
  return found
}

function Database() {
  const state = useLoad(() => ok(api.GET('/api/v1/db-status')), [])
  return (
    <section class="part">
      <h2>Database</h2>
      <Loaded of={state} what="this">
        {({ migration, up_to_date, records }) => (
          <dl class="facts">
            <dt>Migration</dt>
            <dd>
              <code>{migration ?? 'none'}</code>{' '}
              {!up_to_date && <span class="mark fault">not the one that the code relies on</span>}
            </dd>
            {Object.entries(records).map(([name, count]) => (
              <>
                <dt>{name}</dt>
                <dd>{whole(count)}</dd>
              </>
            ))}
          </dl>
        )}
      </Loaded>
    </section>
  )
}

type Document = { info: { version: string }; openapi?: string; asyncapi?: string }

const DOCUMENTS = [
  { path: '/openapi.json', name: 'HTTP', readers: ['/docs', '/redoc'] },
  { path: '/asyncapi.json', name: 'WebSockets', readers: [] },
]

const Documents = () => (
  <section class="part">
    <h2>Documents of the API</h2>
    <ul class="list">
      {DOCUMENTS.map((document) => (
        <DocumentEntry key={document.path} {...document} />
      ))}
    </ul>
  </section>
)

function DocumentEntry({ path, name, readers }: (typeof DOCUMENTS)[number]) {
  const state = useLoad(async (): Promise<Document> => {
    const response = await fetch(path)
    if (!response.ok) throw toProblem(response, undefined)
    return response.json()
  }, [path])
  return (
    <li>
      <b>{name}</b>{' '}
      <Loaded of={state} what="this">
        {({ info, openapi, asyncapi }) => (
          <>
            version {info.version} <span class="quiet">{openapi ? `OpenAPI ${openapi}` : `AsyncAPI ${asyncapi}`}</span>
          </>
        )}
      </Loaded>
      <p>
        {[path, ...readers].map((href) => (
          <>
            <a href={href}>{href}</a>{' '}
          </>
        ))}
      </p>
    </li>
  )
}

function Plans() {
  const state = usePlans()
  return (
    <section class="part">
      <h2>Plans</h2>
      <Loaded of={state} what="this">
        {(plans) => (
          <Table
            label="Plans"
            class="numbers"
            columns={[
              'Plan',
              'Messages a month',
              'Tokens a month',
              'Requests a minute',
              'Runs at once',
              'Storage',
              'Largest file',
              'Models',
            ]}
          >
            <tbody>
              {plans.map((plan) => (
                <tr key={plan.id}>
                  <th scope="row">{plan.id}</th>
                  <td>{whole(plan.messages_per_month)}</td>
                  <td>{whole(plan.tokens_per_month)}</td>
                  <td>{whole(plan.requests_per_minute)}</td>
                  <td>{whole(plan.runs_at_once)}</td>
                  <td>{bytes(plan.storage_bytes)}</td>
                  <td>{bytes(plan.file_bytes)}</td>
                  <td>{plan.models.join(', ')}</td>
                </tr>
              ))}
            </tbody>
          </Table>
        )}
      </Loaded>
    </section>
  )
}

const Mark = ({ state }: { state: string }) => <span class={state === 'ok' ? 'mark good' : 'mark fault'}>{state}</span>

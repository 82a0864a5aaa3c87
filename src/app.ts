import { type App, createApp } from './http/create-app.ts'
import { firstSegment } from './http/paths.ts'

type Area = {
  /** How paths begin that lead here, behind `/api/v1`. Two areas may share a beginning, but no path. */
  segments: string[]
  load: () => Promise<{ mount: (app: App, wholeApp: () => Promise<App>) => void }>
}

/**
 * The table of contents of the API, in the order of its document. An area is loaded when it is first asked for: an isolate is ready after
 * the same time however much there is, and pays for what it serves (docs/decisions/020-areas-load-when-asked-for.md).
 */
export const AREAS: Area[] = [
  {
    segments: ['', 'health', 'ready', 'db-status', 'openapi.json', 'asyncapi.json', 'docs', 'redoc', 'app'],
    load: () => import('./areas/system.ts'),
  },
  { segments: ['auth', 'users', 'user', 'plans'], load: () => import('./areas/accounts.ts') },
  {
    segments: [
      'projects',
      'conversations',
      'shares',
      'shared',
      'messages',
      'chat',
      'runs',
      'search',
      'export',
      'import',
    ],
    load: () => import('./areas/conversations.ts'),
  },
  { segments: ['upload', 'uploads', 'files'], load: () => import('./areas/files.ts') },
  { segments: ['channels', 'invites', 'chat', 'ws'], load: () => import('./areas/channels.ts') },
  { segments: ['chatbots', 'users'], load: () => import('./areas/chatbots.ts') },
  { segments: ['v1'], load: () => import('./areas/gateway.ts') },
  { segments: ['admin'], load: () => import('./areas/admin.ts') },
]

const served = createApp()
const notYetMounted = new Set(AREAS)

/** What the Worker serves. */
export const app = {
  async fetch(request: Request, env: Env, execution?: ExecutionContext): Promise<Response> {
    if (notYetMounted.size > 0) await mountFor(firstSegment(new URL(request.url).pathname))
    return served.fetch(request, env, execution)
  },
}

async function mountFor(segment: string): Promise<void> {
  for (const area of notYetMounted) {
    if (!area.segments.includes(segment)) continue
    const { mount } = await area.load()
    // Another request may have come here in the meantime.
    if (notYetMounted.delete(area)) mount(served, wholeApp)
  }
}

/** All of the API at once: for its document, in which the order does not depend on what was asked for first. */
export async function wholeApp(): Promise<App> {
  const whole = createApp()
  for (const { load } of AREAS) (await load()).mount(whole, wholeApp)
  return whole
}

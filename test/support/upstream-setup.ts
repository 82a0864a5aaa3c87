import type { TestProject } from 'vitest/node'
import { startFakeOpenAi } from './fake-openai.ts'

declare module 'vitest' {
  export interface ProvidedContext {
    upstreamPort: number
  }
}

/** The fake provider runs in Node; the Worker under test reaches it over real HTTP. */
export default async function setup(project: TestProject) {
  const upstream = await startFakeOpenAi({ port: project.getProvidedContext().upstreamPort })
  return () => upstream.close()
}

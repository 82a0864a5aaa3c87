// A Worker of channels and sockets alone, whose deploys are the only ones that cut sockets (docs/operate.md). scripts/deploy makes its
// configuration; without it the two classes are in the Worker of the API.
export { Channel } from './features/channels/channel.ts'
export { Gateway } from './features/sockets/gateway.ts'

/** It has no address: its objects are called by the API. */
export default { fetch: () => new Response(null, { status: 404 }) } satisfies ExportedHandler<Env>

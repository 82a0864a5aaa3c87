import { connectAgain, link } from './connection.ts'

/** Says calmly that nothing comes in at the moment. Of a first connection there is nothing to say. */
export const ConnectionLine = () => <div role="status">{link.value && <Line {...link.value} />}</div>

function Line(state: NonNullable<typeof link.value>) {
  if (state.state === 'closed') {
    return (
      <p class="connection-line">
        The connection has ended: {state.reason || state.code}{' '}
        <button type="button" onClick={connectAgain}>
          Connect again
        </button>
      </p>
    )
  }
  if (state.state === 'open' || state.isFirst) return null
  return <p class="connection-line">Connecting again… What you write is kept until then.</p>
}

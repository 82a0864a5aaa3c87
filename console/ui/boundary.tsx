import { Component, type ComponentChildren } from 'preact'
import { Empty } from './states.tsx'

/** Keeps what goes wrong in a screen in that screen. Another one, by `path`, is tried anew. */
export class Boundary extends Component<{ path: string; children: ComponentChildren }, { failedAt?: string }> {
  override componentDidCatch(error: unknown): void {
    console.error(error)
    this.setState({ failedAt: this.props.path })
  }

  override render() {
    const { path, children } = this.props
    return this.state.failedAt === path ? <Unloaded /> : children
  }
}

/** In place of a screen that cannot be drawn, or whose script is not there. */
export const Unloaded = () => (
  <Empty title="This cannot be shown">
    <p>Something went wrong in this page, or there is a newer version of it.</p>
    <button type="button" onClick={() => location.reload()}>
      Load it again
    </button>
  </Empty>
)

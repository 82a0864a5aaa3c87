import type { ComponentChildren } from 'preact'
import { messageOf, Problem } from '../api/problem.ts'

/** While something loads that was never there. */
export const Loading = ({ what }: { what: string }) => (
  <p class="state" role="status">
    <span class="spinner" aria-hidden="true" /> Loading {what}…
  </p>
)

/** Where there is nothing yet: what it would be, and how to get it. */
export const Empty = ({ title, children }: { title: string; children?: ComponentChildren }) => (
  <div class="state">
    <h2>{title}</h2>
    {children}
  </div>
)

/** Where an address leads nowhere. */
export const NotFound = () => (
  <Empty title="There is no such page">
    <p>
      <a href="/app">Back to the start</a>
    </p>
  </Empty>
)

/** What went wrong, a way to try again, and what else can be done about it. */
export const Failed = ({
  error,
  retry,
  children,
}: {
  error: unknown
  retry?: () => void
  children?: ComponentChildren
}) => (
  <div class="state failed" role="alert">
    <p>{messageOf(error)}</p>
    {error instanceof Problem && error.requestId && (
      <p class="quiet">
        Request <code>{error.requestId}</code>
      </p>
    )}
    {retry && (
      <button type="button" onClick={retry}>
        Try again
      </button>
    )}
    {children}
  </div>
)

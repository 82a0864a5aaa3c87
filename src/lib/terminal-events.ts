import type { RunEvent, TerminalEvent } from './run-events.ts'

/** Whether it is the last of its run: those alone say whether it was stored. */
export const isTerminal = (event: RunEvent): event is TerminalEvent => 'persisted' in event

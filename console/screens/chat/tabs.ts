/** Tells the other tabs of this browser in which conversation something was said, so that they show it too. */
const channel = new BroadcastChannel('parley.conversations')

export const tellOtherTabs = (conversationId: string): void => channel.postMessage(conversationId)

/** Calls `heard` when another tab has said something in that conversation, or this one comes into view again. */
export function onNews(conversationId: string, heard: () => void, signal: AbortSignal): void {
  channel.addEventListener('message', ({ data }) => data === conversationId && heard(), { signal })
  // Another device may have been busy meanwhile.
  document.addEventListener('visibilitychange', () => document.visibilityState === 'visible' && heard(), { signal })
}

/** Tells the other tabs of this browser in which conversation something was said, so that they show it too. */
const NAME = 'parley.conversations'
const channel = new BroadcastChannel(NAME)
/** No channel hears itself, but this one is heard by the other one of this tab. */
const toAll = new BroadcastChannel(NAME)

export const tellOtherTabs = (conversationId: string): void => channel.postMessage(conversationId)

/** Tells this tab as well, where another view of the conversation may be open by now. */
export const tellAllTabs = (conversationId: string): void => toAll.postMessage(conversationId)

/** Calls `heard` when another tab has said something in that conversation, or this one comes into view again. */
export function onNews(conversationId: string, heard: () => void, signal: AbortSignal): void {
  channel.addEventListener('message', ({ data }) => data === conversationId && heard(), { signal })
  // Another device may have been busy meanwhile.
  document.addEventListener('visibilitychange', () => document.visibilityState === 'visible' && heard(), { signal })
}

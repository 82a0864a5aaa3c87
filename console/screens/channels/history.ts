import { api, type Schemas } from '../../api/client.ts'
import { toProblem } from '../../api/problem.ts'
import type { HistoryPage } from './timeline.ts'

const PAGE = 50

/** The newest messages of a channel, or those before a seq. @throws Problem, TypeError */
export function loadHistory(id: string, before_seq?: number): Promise<HistoryPage> {
  const query = { limit: PAGE, before_seq }
  return pageOf(api.GET('/api/v1/channels/{id}/messages', { params: { path: { id }, query } }))
}

/** The first replies of a thread, or those after a seq. @throws Problem, TypeError */
export function loadReplies(id: string, message_id: string, after_seq?: number): Promise<HistoryPage> {
  const query = { limit: PAGE, after_seq }
  return pageOf(
    api.GET('/api/v1/channels/{id}/messages/{message_id}/replies', { params: { path: { id, message_id }, query } }),
  )
}

type Answer = { data?: Schemas['ChannelMessage'][]; error?: unknown; response: Response }

async function pageOf(asked: Promise<Answer>): Promise<HistoryPage> {
  const { data: messages = [], error, response } = await asked
  if (!response.ok) throw toProblem(response, error)
  const [epoch, seq] = ['x-channel-epoch', 'x-channel-seq'].map((name) => Number(response.headers.get(name)))
  const next = messages.length === PAGE ? messages.at(-1)!.seq : undefined
  return { messages, epoch: epoch!, seq: seq!, next }
}

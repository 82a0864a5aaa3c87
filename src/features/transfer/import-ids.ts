import { jsonParameters } from '../../db/json-parameters.ts'
import type { Ctx } from '../../http/context.ts'
import { derivedId } from '../../lib/derived-ids.ts'
import * as statements from './import-statements.ts'
import type { IncomingConversation, IncomingProject } from './incoming.ts'

/**
 * The ids under which what a file has is stored. What is the user's own keeps its id, so that importing one's own export
 * changes nothing. For all else they are derived from the user and the file's ids, so that importing twice changes
 * nothing, and no file can name what is somebody else's.
 */
export async function idsFor(ctx: Ctx, { projects, conversations }: Group) {
  const own = await statements.ownAmong(ctx, namesOf(projects), namesOf(conversations))
  const said = conversations.filter(({ id }) => own.has(id)).flatMap(({ messages }) => messages)
  const ownSaid = await statements.ownMessages(ctx, namesOf(said))
  const places = new Map(ownSaid.map(({ id, conversationId }) => [id, conversationId]))
  const derived = (kind: string, original: string, claimedMs: number | undefined) =>
    derivedId(`${ctx.user.id} ${kind}`, original, claimedMs)
  const ofProjects = new Map<string, string>()
  for (const { id, claimedMs } of projects) {
    ofProjects.set(id, own.has(id) ? id : await derived('project', id, claimedMs))
  }
  // By conversation and not by its id, which a file may have twice.
  const ofConversations = new Map<IncomingConversation, { id: string; messages: Map<string, string> }>()
  for (const conversation of conversations) {
    const isOwn = own.has(conversation.id)
    const id = isOwn ? conversation.id : await derived('conversation', conversation.id, conversation.claimedMs)
    const messages = new Map<string, string>()
    for (const { id: original, message } of conversation.messages) {
      const isKept = isOwn && places.get(original) === id
      messages.set(original, isKept ? original : await derived(`message ${id}`, original, message.claimedMs))
    }
    ofConversations.set(conversation, { id, messages })
  }
  return { projects: ofProjects, conversations: ofConversations }
}

/** Projects and conversations that are stored at once. */
export type Group = { projects: IncomingProject[]; conversations: IncomingConversation[] }

const namesOf = (some: { id: string }[]) => jsonParameters(some.map(({ id }) => id))

import type { Actor } from '../support/crew.ts'
import { changeConversation, passingConversation, register } from './accounts.ts'
import { callChatbot, talk } from './channels.ts'
import { storeFile, uploadInPieces } from './files.ts'
import { completion, passingCompletion } from './gateway.ts'
import { cancelledReply, plainReply, streamedReply } from './replies.ts'

/** What people do, and how often in proportion. Each act goes on over kills until it has come to its end. */
const ACTS: [act: (actor: Actor) => Promise<unknown>, often: number][] = [
  [streamedReply, 4],
  [plainReply, 3],
  [cancelledReply, 2],
  [completion, 4],
  [passingCompletion, 2],
  [talk, 6],
  [callChatbot, 1],
  [storeFile, 4],
  [uploadInPieces, 1],
  [changeConversation, 2],
  [passingConversation, 2],
  [register, 1],
]
const LOTS = ACTS.flatMap(([act, often]) => Array.from({ length: often }, () => act))

/** Each thing that somebody can do, once. */
export const everyAct = ACTS.map(([act]) => act)

/** Something that somebody does. */
export const anyAct = (actor: Actor) => LOTS[actor.below(LOTS.length)]!

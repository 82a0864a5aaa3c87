import { chatbots, chatbotVersions } from '../../src/db/schema/index.ts'
import { userIdOf } from './accounts.ts'
import { PEOPLE } from './people.ts'
import { HOUR_MS, part, type Section, seedId } from './section.ts'

const CHATBOTS = [
  {
    by: 'lucia',
    name: 'Tide watch',
    handle: 'tide-watch',
    instructions: 'You know the tides of the harbour. Answer with times, and say when you are not sure.',
    hoursAgo: 400,
  },
  {
    by: 'mateo',
    name: 'Set list',
    handle: 'set-list',
    instructions: 'Suggest songs for an evening, at most ten, with the reason for each in half a sentence.',
    hoursAgo: 90,
  },
]

/** Chatbots that answer by the default model. Keys are for their owners to make: a key is shown only once. */
export const chatbotsOf = (nowMs: number): Section => {
  const made = CHATBOTS.map(({ by, hoursAgo, name, handle, instructions }) => ({
    id: seedId(`chatbot ${handle}`, hoursAgo * HOUR_MS),
    userId: userIdOf(PEOPLE.find(({ username }) => username === by)!),
    name,
    handle,
    instructions,
    createdAt: new Date(nowMs - hoursAgo * HOUR_MS),
  }))
  return {
    name: 'chatbots',
    parts: [
      part(
        'chatbots',
        chatbots,
        made.map(({ instructions: _, ...row }) => ({ ...row, updatedAt: row.createdAt })),
      ),
      part(
        'versions of them',
        chatbotVersions,
        made.map(({ id, instructions, createdAt }) => ({
          chatbotId: id,
          version: 1,
          instructions,
          fallbacks: [],
          files: [],
          internetEnabled: false,
          createdAt,
        })),
        [chatbotVersions.chatbotId, chatbotVersions.version],
      ),
    ],
  }
}

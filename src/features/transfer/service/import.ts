import { passPreconditions } from '../../../db/client.ts'
import type { Ctx } from '../../../http/context.ts'
import { readChatGptFile } from '../chatgpt-file.ts'
import { storeGroup } from '../import-batch.ts'
import type { Group } from '../import-ids.ts'
import type { Kind } from '../incoming.ts'
import { readParleyFile } from '../parley-file.ts'

/** How much of each kind was stored, was there before, or was left out. */
type Counts = { imported: number; existing: number; skipped: number }
export type Report = Record<Kind, Counts> & { skipped: { where: string; reason: string }[] }

const MAX_REASONS = 100
/** What is stored at once: so many conversations or projects, or so much text in characters, whichever is less. */
const GROUP = 200
const GROUP_TEXT = 500_000

/**
 * Stores what a file has, ours or that of ChatGPT, for the caller: all that is not there yet. Doing it again changes nothing.
 * What cannot be read is left out and named; the rest is stored all the same.
 * @throws AppError `validation_failed` for a file of neither form
 */
export async function importFile(ctx: Ctx, text: string, form: 'parley' | 'chatgpt'): Promise<Report> {
  // Before a large file is looked at.
  await passPreconditions(ctx.db)
  const report: Report = { projects: none(), conversations: none(), messages: none(), skipped: [] }
  const projects = new Map<string, string>()
  let group: Group = { projects: [], conversations: [] }
  let size = 0
  const store = async () => {
    const stored = await storeGroup(ctx, group, projects)
    count(report, group, stored)
    group = { projects: [], conversations: [] }
    size = 0
  }
  for (const item of form === 'chatgpt' ? readChatGptFile(text, ctx.now) : readParleyFile(text, ctx.now)) {
    if ('where' in item) {
      const { skipped: kind, where, reason } = item
      if (kind) report[kind].skipped += 1
      if (report.skipped.length < MAX_REASONS) report.skipped.push({ where, reason })
      continue
    }
    if ('project' in item) group.projects.push(item.project)
    else {
      group.conversations.push(item.conversation)
      size += item.conversation.messages.reduce((sum, { message }) => sum + message.content.length + 200, 0)
    }
    if (size > GROUP_TEXT || group.projects.length + group.conversations.length >= GROUP) await store()
  }
  await store()
  return report
}

const none = (): Counts => ({ imported: 0, existing: 0, skipped: 0 })

function count(report: Report, group: Group, stored: Record<Kind, number>): void {
  const given = {
    projects: group.projects.length,
    conversations: group.conversations.length,
    messages: group.conversations.reduce((sum, { messages }) => sum + messages.length, 0),
  }
  for (const kind of ['projects', 'conversations', 'messages'] as const) {
    report[kind].imported += stored[kind]
    report[kind].existing += given[kind] - stored[kind]
  }
}

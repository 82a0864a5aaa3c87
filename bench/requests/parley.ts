import { sql } from 'drizzle-orm'
import { writeD1 } from '../../scripts/d1.ts'
import { call, PASSWORD, registerUsers, VARS } from '../channels/parley.ts'
import { end, type Started, startParleyServer } from '../processes.ts'
import type { Place } from './scenarios.ts'

const MUCH = 1_000_000_000
/** So many that none grows long. */
const CONVERSATIONS = 200
const FILE_BYTES = 1_048_576

export type FilledParley = Started & { token: string; conversations: string[]; place: Place }

/** Parley with a user who has conversations and a file, and whom no limit holds back. */
export async function startFilledParley(folder: string, upstream: string): Promise<FilledParley> {
  const lift = (state: string) =>
    writeD1({ remote: false, persistTo: state }, [
      sql`UPDATE plans SET messages_per_month = ${MUCH}, tokens_per_month = ${MUCH * 1_000}, requests_per_minute = ${MUCH},
        runs_at_once = ${MUCH}, storage_bytes = ${MUCH * 1_000}, file_bytes = ${MUCH}`,
    ])
  const vars = {
    ...VARS,
    SIGN_IN_ACCOUNT_LIMIT: '1000000',
    SIGN_IN_ADDRESS_LIMIT: '1000000',
    OPENAI_BASE_URL: upstream,
  }
  const started = await startParleyServer(folder, vars, lift)
  try {
    const url = started.line
    const [user] = await registerUsers(url, 1)
    const { username, token } = user!
    const conversations: string[] = []
    for (let n = 0; n < CONVERSATIONS; n++) {
      conversations.push((await call<{ id: string }>(url, '/conversations', {}, token)).id)
    }
    const chat = await call<{ chat_id: string; run_id: string }>(url, '/chat', { message: 'Hello' }, token)
    const response = await fetch(`${url}/api/v1/upload?filename=bench.bin`, {
      method: 'PUT',
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/octet-stream' },
      body: new Uint8Array(FILE_BYTES),
    })
    const { id: file } = (await response.json()) as { id: string }
    const chatbot = await call<{ id: string }>(url, '/chatbots', { name: 'Bench' }, token)
    const { key } = await call<{ key: string }>(url, `/chatbots/${chatbot.id}/api-keys`, { name: 'Bench' }, token)
    const place = { conversation: chat.chat_id, run: chat.run_id, file, username, password: PASSWORD, key }
    return { ...started, token, conversations, place }
  } catch (error) {
    await end(started.child)
    throw error
  }
}

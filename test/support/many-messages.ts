import { env } from 'cloudflare:workers'
import { countTo, type SignedIn } from './client.ts'

export const PER_CONVERSATION = 2_000
const AT_ONCE = 20_000

/** `n` short messages of a user. One in a thousand is rare; all have words that everybody's have. */
export async function addMessages({ user }: SignedIn, n: number): Promise<void> {
  const prefix = crypto.randomUUID().slice(0, 8)
  await env.DB.prepare(
    `INSERT INTO conversations (id, user_id, title, created_at, updated_at)
     SELECT printf(?1 || '-0000-7000-8000-%012d', value), ?2, 'The title of ' || value, 1e9, 1e9 FROM json_each(?3)`,
  )
    .bind(prefix, user.id, JSON.stringify(countTo(Math.ceil(n / PER_CONVERSATION))))
    .run()
  for (let from = 0; from < n; from += AT_ONCE) {
    await env.DB.prepare(
      `WITH RECURSIVE n(i) AS (SELECT CAST(?1 AS INTEGER) UNION ALL SELECT i + 1 FROM n WHERE i + 1 < ?2)
       INSERT INTO messages (id, conversation_id, depth, role, content, status, tokens, created_at, updated_at)
       SELECT printf(?3 || '-0001-7000-8000-%012d', i), printf(?3 || '-0000-7000-8000-%012d', i / ${PER_CONVERSATION} + 1), 1, 'user',
         'the quick fox and number ' || i || iif(i % 1000 = 0, ' rare', ''), 'completed', 5, 1e9, 1e9 FROM n`,
    )
      .bind(from, Math.min(from + AT_ONCE, n), prefix)
      .run()
  }
}

import type { users } from '../../../db/schema/index.ts'
import { toTimestamp } from '../../../lib/timestamps.ts'
import type { AccountOfUser, User, UserChanges, UserReplacement } from '../schemas/user.ts'

export type StoredUser = typeof users.$inferSelect

/** Field by field, so that a new column stays private until somebody adds it here. */
export const toUser = (row: StoredUser): User => ({
  id: row.id,
  email: row.email,
  email_verified: row.emailVerifiedAt !== null,
  username: row.username,
  display_name: row.displayName,
  role: row.role,
  plan: row.plan,
  created_at: toTimestamp(row.createdAt),
})

export const toAccountOfUser = (row: StoredUser): AccountOfUser => ({
  ...toUser(row),
  is_active: row.disabledAt === null,
  last_active_at: row.activeHour === null ? null : toTimestamp(row.activeHour * 3_600_000),
})

type Given = UserChanges | UserReplacement

/** The changes in the words of the code, apart from the password that proves who asks. */
export const toChanges = ({ email, username, display_name, current_password }: Given) => ({
  changes: { email, username, displayName: display_name },
  password: current_password,
})

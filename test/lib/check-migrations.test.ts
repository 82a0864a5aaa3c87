import { expect, test } from 'vitest'
import { landedFaults, rebuildFaults } from '../../scripts/check-migrations.ts'

const REBUILD = `PRAGMA foreign_keys=OFF;--> statement-breakpoint
CREATE TABLE \`__new_users\` (\`id\` text PRIMARY KEY NOT NULL, \`email\` text);
--> statement-breakpoint
INSERT INTO \`__new_users\`("id", "email") SELECT "id", "email" FROM \`users\`;--> statement-breakpoint
DROP TABLE \`users\`;--> statement-breakpoint
ALTER TABLE \`__new_users\` RENAME TO \`users\`;--> statement-breakpoint
PRAGMA foreign_keys=ON;`

test('the rebuild that drizzle-kit writes is refused for each of its three signs', () => {
  const faults = rebuildFaults('migrations/0001_x.sql', REBUILD)
  expect(faults).toHaveLength(3)
  expect(faults[0]).toContain('migrations/0001_x.sql has DROP TABLE')
})

test('a dropped table, a new table or the pragma alone is refused in any spelling', () => {
  for (const sql of [
    'drop table users;',
    'Drop\n\tTable if exists users;',
    'DROP/* quietly */TABLE users;',
    "UPDATE t SET a = '--'; DROP TABLE users;",
    "-- it's only a comment\nDROP TABLE users;",
    'CREATE TABLE "__NEW_users" (id text);',
    'pragma main.foreign_keys = off;',
    'PRAGMA "foreign_keys"=0;',
    'PRAGMA defer_foreign_keys = true;',
  ])
    expect(rebuildFaults('x.sql', sql), sql).toHaveLength(1)
})

test('adding columns, tables and indexes passes, and so does talk of DROP TABLE in comments and texts', () => {
  for (const sql of [
    'ALTER TABLE `users` ADD `email` text;',
    'CREATE TABLE `tags` (`id` text PRIMARY KEY NOT NULL);\nCREATE INDEX `tags_id` ON `tags` (`id`);',
    'ALTER TABLE `users` DROP COLUMN `age`; -- not DROP TABLE',
    "INSERT INTO notes (text) VALUES ('DROP TABLE, it''s said');",
  ])
    expect(rebuildFaults('x.sql', sql), sql).toEqual([])
})

test('a rebuild passes only when its first line gives the reason', () => {
  expect(rebuildFaults('x.sql', `-- reviewed-rebuild: children are copied aside first\n${REBUILD}`)).toEqual([])
  expect(rebuildFaults('x.sql', `-- reviewed-rebuild:\n${REBUILD}`)).toHaveLength(3)
  expect(rebuildFaults('x.sql', `${REBUILD}\n-- reviewed-rebuild: too late`)).toHaveLength(3)
})

test('a landed migration may neither change nor go, a new one may come', () => {
  const landed = new Map([
    ['migrations/0000_a.sql', 'aaa'],
    ['migrations/0001_b.sql', 'bbb'],
  ])
  const present = new Map([...landed, ['migrations/0002_c.sql', 'ccc']])
  expect(landedFaults(landed, present)).toEqual([])
  present.set('migrations/0000_a.sql', 'xxx')
  present.delete('migrations/0001_b.sql')
  const faults = landedFaults(landed, present)
  expect(faults).toHaveLength(2)
  expect(faults[0]).toContain('0000_a.sql was changed')
  expect(faults[1]).toContain('0001_b.sql was deleted')
})

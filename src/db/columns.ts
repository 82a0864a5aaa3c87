import { integer, text } from 'drizzle-orm/sqlite-core'

/** A UUIDv7 as text: its order is time order. */
export const id = () => text().primaryKey()

/** A moment, stored as integer milliseconds of Unix time, UTC. */
export const moment = () => integer({ mode: 'timestamp_ms' })

/** A JSON document of type `T`; its shape is the writer's promise. */
export const json = <T>() => text({ mode: 'json' }).$type<T>()

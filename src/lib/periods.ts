/** The first instant of the calendar month (UTC) that a moment belongs to. */
export const periodStart = (at: Date): Date => new Date(Date.UTC(at.getUTCFullYear(), at.getUTCMonth(), 1))

/** The first instant of the month after the one that begins at `start`. */
export const periodEnd = (start: Date): Date => new Date(Date.UTC(start.getUTCFullYear(), start.getUTCMonth() + 1, 1))

/** The first instant of the day (UTC) that a moment belongs to. */
export const dayStart = (at: Date): Date => new Date(Date.UTC(at.getUTCFullYear(), at.getUTCMonth(), at.getUTCDate()))

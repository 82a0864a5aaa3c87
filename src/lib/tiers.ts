/** What a model costs to run, roughly. A plan names the tiers that it includes; each includes `basic`. */
export const TIERS = ['basic', 'standard', 'premium'] as const
export type Tier = (typeof TIERS)[number]

// Stands in for zod's reader of JSON schemas (wrangler.toml, [alias]): all schemas here are written with zod.
export const fromJSONSchema = () => {
  throw new Error('This is not in the bundle (wrangler.toml, [alias])')
}

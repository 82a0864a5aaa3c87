// Stands in for zod's reader of JSON schemas (scripts/bundle/build.ts): all schemas here are written with zod.
export const fromJSONSchema = () => {
  throw new Error('This is not in the bundle (scripts/bundle/build.ts)')
}

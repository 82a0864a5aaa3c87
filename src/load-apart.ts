/**
 * Modules that few requests need are no part of the bundle: scripts/build-apart.ts makes each of src/apart one of its own,
 * which loads when it is first asked for. A literal in `import()` would be bundled after all; the paths are relative to the
 * bundle, so this file stays beside index.ts.
 */
const PATHS = {
  passwordBlocklist: './apart/password-blocklist.js',
  documentTexts: './apart/document-texts.js',
  mediaTypes: './apart/media-types.js',
}

export const loadPasswordBlocklist = (): Promise<typeof import('./apart/password-blocklist.ts')> =>
  import(PATHS.passwordBlocklist)
export const loadDocumentTexts = (): Promise<typeof import('./apart/document-texts.ts')> => import(PATHS.documentTexts)
export const loadMediaTypes = (): Promise<typeof import('./apart/media-types.ts')> => import(PATHS.mediaTypes)

/** A strong entity tag that also says which version of the thing it is of. `digest` is of the bytes. */
export const versionTag = (version: number, digest: string): string => `"${version}-${digest.slice(0, 16)}"`

/**
 * The version that an `If-Match` names; `undefined` without one, and for `*`. What is no tag of ours names a version that never is.
 */
export function versionOf(ifMatch: string | undefined): number | undefined {
  if (ifMatch === undefined || ifMatch.trim() === '*') return undefined
  const [, version] = /^\s*"(\d{1,15})-[\w-]+"\s*$/.exec(ifMatch) ?? []
  return version === undefined ? 0 : Number(version)
}

import { z } from 'zod'
import { isPrivateAddress } from '../lib/public-urls.ts'
import { RecentMap } from '../lib/recent-map.ts'
import { cutAfter } from './cut-stream.ts'

const LOOK_UP_MS = 3_000
const MAX_ANSWER_BYTES = 64 * 1024
/** What was found out is believed for so long, or as long as the answer says, if that is less. */
const KEPT_S = 60
const MOST_KEPT = 1_000

/** Types of records (RFC 1035 3.2.2, RFC 3596 2.1). */
const A = 1
const AAAA = 28

const Answer = z.object({
  Status: z.literal(0),
  Answer: z
    .array(z.object({ type: z.int(), TTL: z.number().min(0).catch(0), data: z.string() }))
    .max(1_000)
    .default([]),
})

const known = new RecentMap<{ isPublic: boolean; until: number }>(MOST_KEPT)

/**
 * Whether a name leads to addresses of the public internet, and to no others, as the DNS says over HTTPS. One that leads nowhere, or
 * of which nothing can be learned in time, is not public.
 */
export async function isPublicName(name: string, dnsUrl: string, signal: AbortSignal): Promise<boolean> {
  const key = `${dnsUrl} ${name}`
  const found = known.get(key)
  if (found && found.until > Date.now()) return found.isPublic
  try {
    const limit = AbortSignal.any([signal, AbortSignal.timeout(LOOK_UP_MS)])
    const answers = await Promise.all(['A', 'AAAA'].map((type) => lookUp(name, type, dnsUrl, limit)))
    // The others say under which other name it is to be found.
    const records = answers.flat().filter(({ type }) => type === A || type === AAAA)
    const isPublic = records.length > 0 && !records.some(({ data }) => isPrivateAddress(data))
    const keptS = Math.min(KEPT_S, ...records.map(({ TTL }) => TTL))
    if (records.length > 0) known.set(key, { isPublic, until: Date.now() + keptS * 1_000 })
    return isPublic
  } catch {
    return false
  }
}

async function lookUp(name: string, type: string, dnsUrl: string, signal: AbortSignal) {
  const url = new URL(dnsUrl)
  url.searchParams.set('name', name)
  url.searchParams.set('type', type)
  const headers = { accept: 'application/dns-json', 'user-agent': 'Parley' }
  const response = await fetch(url, { headers, redirect: 'manual', signal })
  const text = await new Response(response.body?.pipeThrough(cutAfter(MAX_ANSWER_BYTES))).text()
  if (!response.ok) throw new Error(`The DNS answered ${response.status}`)
  return Answer.parse(JSON.parse(text)).Answer
}

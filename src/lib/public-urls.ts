/** Names that are not of the public internet (RFC 6761, 6762, 8375), and what clouds call their own. */
const PRIVATE_NAMES = [
  'localhost',
  'local',
  'internal',
  'home.arpa',
  'metadata.goog',
  'lan',
  'intranet',
  'test',
  'invalid',
]

type Block = [network: string, bits: number]

/** IANA's special-purpose addresses that are not reachable from everywhere, and multicast. */
const PRIVATE_V4: Block[] = [
  ['0.0.0.0', 8],
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
  ['169.254.0.0', 16],
  ['172.16.0.0', 12],
  ['192.0.0.0', 24],
  ['192.0.2.0', 24],
  ['192.88.99.0', 24],
  ['192.168.0.0', 16],
  ['198.18.0.0', 15],
  ['198.51.100.0', 24],
  ['203.0.113.0', 24],
  ['224.0.0.0', 4],
  ['240.0.0.0', 4],
]
const PRIVATE_V6: Block[] = [
  // Unspecified, loopback, IPv4 in older forms, and mapped.
  ['::', 96],
  ['::ffff:0:0', 96],
  ['64:ff9b::', 96],
  ['64:ff9b:1::', 48],
  ['100::', 64],
  ['2001::', 23],
  ['2001:db8::', 32],
  ['2002::', 16],
  ['3fff::', 20],
  ['5f00::', 16],
  ['fc00::', 7],
  ['fe80::', 10],
  ['fec0::', 10],
  ['ff00::', 8],
]

/** Characters of a URL that we would call. */
export const MAX_URL_LENGTH = 2_048

/**
 * Why a URL is not one of the public internet that we would call, in a few words; `undefined` when it is. `own` are host names of
 * our own. It judges the URL as parsed (WHATWG), in which an IPv4 address in any spelling has become four decimal numbers.
 */
export function urlFault(text: string, own: string[] = []): string | undefined {
  const fault = formFault(text)
  if (fault !== undefined) return fault
  const url = new URL(text)
  if (url.protocol !== 'https:') return 'Only https'
  if (url.port !== '') return 'Only port 443'
  return hostFault(url.hostname, own)
}

/** The same of what holds for any URL that we would call, wherever it leads. */
export function formFault(text: string): string | undefined {
  if (text.length > MAX_URL_LENGTH) return `At most ${MAX_URL_LENGTH} characters`
  const url = URL.parse(text)
  if (!url) return 'This is not a URL'
  if (url.username !== '' || url.password !== '') return 'No user name or password in it'
  if (text.includes('#')) return 'No fragment'
  return undefined
}

/** The same of a host name as a parsed URL has it. */
export function hostFault(hostname: string, own: string[] = []): string | undefined {
  const host = bare(hostname)
  if (host.split('.').includes('')) return 'Not a public name'
  if (own.map(bare).some((name) => host === name || host.endsWith(`.${name}`))) return 'Not a host of our own'
  if (host.startsWith('[')) return isPrivateAddress(host.slice(1, -1)) ? 'Not a public address' : undefined
  if (/^\d+\.\d+\.\d+\.\d+$/.test(host)) return isPrivateAddress(host) ? 'Not a public address' : undefined
  if (!host.includes('.')) return 'Not a public name'
  if (PRIVATE_NAMES.some((name) => host === name || host.endsWith(`.${name}`))) return 'Not a public name'
  return undefined
}

/** The origin of a URL that was judged, such as `https://api.example.com`. @throws for what is no URL */
export const originOf = (url: string): string => new URL(url).origin

/** Without the dot of the root (RFC 1034, section 3.1), which changes nothing. */
const bare = (hostname: string): string => hostname.replace(/\.$/, '').toLowerCase()

/** Whether an address, as URLs or DNS write it, is not of the public internet. What is no address is not either. */
export function isPrivateAddress(address: string): boolean {
  const bits = address.includes(':') ? bitsOfV6(address) : bitsOfV4(address)
  if (bits === undefined) return true
  const blocks = address.includes(':') ? PRIVATE_V6 : PRIVATE_V4
  return blocks.some(([network, length]) => {
    const of = address.includes(':') ? bitsOfV6(network)! : bitsOfV4(network)!
    return bits.slice(0, length) === of.slice(0, length)
  })
}

function bitsOfV4(address: string): string | undefined {
  const parts = address.split('.')
  if (parts.length !== 4 || parts.some((part) => !/^\d{1,3}$/.test(part) || Number(part) > 255)) return undefined
  return parts.map((part) => Number(part).toString(2).padStart(8, '0')).join('')
}

function bitsOfV6(address: string): string | undefined {
  // It writes the address in the one way of RFC 5952, without dots.
  const normal = URL.parse(`http://[${address}]`)?.hostname.slice(1, -1)
  if (normal === undefined) return undefined
  const [head = '', tail] = normal.split('::') as [string, string | undefined]
  const groups = (part: string) => part.split(':').filter(Boolean)
  const zeros = tail === undefined ? 0 : 8 - groups(head).length - groups(tail).length
  return [...groups(head), ...Array<string>(zeros).fill('0'), ...groups(tail ?? '')]
    .map((group) => Number.parseInt(group, 16).toString(2).padStart(16, '0'))
    .join('')
}

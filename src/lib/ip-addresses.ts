/**
 * What of an address names one customer of a network: an IPv4 address, or the first 64 bits of an IPv6 one, of which
 * everybody has 2^64. What is no address stays as it is.
 */
export function networkOf(address: string): string {
  if (!address.includes(':')) return address
  const normal = URL.parse(`http://[${address}]`)?.hostname.slice(1, -1)
  if (!normal) return address
  const [head = '', tail] = normal.split('::') as [string, string | undefined]
  const groups = (part: string) => part.split(':').filter(Boolean)
  const zeros = tail === undefined ? 0 : 8 - groups(head).length - groups(tail).length
  const all = [...groups(head), ...Array<string>(zeros).fill('0'), ...groups(tail ?? '')]
  const isMapped = all.slice(0, 5).every((group) => group === '0') && all[5] === 'ffff'
  return isMapped ? dotted(all[6]!, all[7]!) : `${all.slice(0, 4).join(':')}::/64`
}

/** IPv4 from the last two groups of an address that carries one (RFC 4291, section 2.5.5.2). */
const dotted = (...groups: string[]) =>
  groups
    .map((group) => Number.parseInt(group, 16))
    .flatMap((group) => [group >> 8, group & 0xff])
    .join('.')

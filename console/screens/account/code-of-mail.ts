import { useEffect, useState } from 'preact/hooks'

/** The code that a mail's link carries in its fragment; it does not stay in the address. */
export function useCodeOfMail(): string {
  const [code] = useState(() => new URLSearchParams(location.hash.slice(1)).get('token') ?? '')
  useEffect(() => history.replaceState(history.state, '', location.pathname), [])
  return code
}

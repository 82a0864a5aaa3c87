/** What to do about what Cloudflare says, where that is not plain from its own words. */
const ADVICE: [says: RegExp, advice: string][] = [
  [
    /CLOUDFLARE_API_TOKEN|wrangler login|not logged in/i,
    'Sign in with `npx wrangler login`, or set CLOUDFLARE_API_TOKEN to a token made from the template "Edit Cloudflare Workers" with D1 (edit) added.',
  ],
  [
    /more than one account/i,
    'Set CLOUDFLARE_ACCOUNT_ID to the account that is meant; `npx wrangler whoami` lists them.',
  ],
  [
    /\[code: 10000\]|Authentication error/,
    'The token may not do this: it needs Workers Scripts, Workers KV Storage, Workers R2 Storage and D1, each with "edit".',
  ],
  [/10042|enable R2/i, 'Turn R2 on once, in the dashboard under "R2 Object Storage".'],
  [
    /10089|enable Analytics Engine/i,
    'Turn Analytics Engine on once, in the dashboard, or take its lines out of wrangler.toml.',
  ],
  [/workers\.dev subdomain|10063/i, 'Choose a workers.dev name once, in the dashboard under "Workers & Pages".'],
  [
    /limits\.cpu_ms|cpu_ms|Workers Paid|100328/i,
    'The Workers Paid plan is needed: passwords take more than the 10 ms of CPU of the free one.',
  ],
  [
    /ENOTFOUND|ECONNREFUSED|ETIMEDOUT|fetch failed|Unable to resolve/,
    'Cloudflare was not reached: try again when the network is there.',
  ],
]

/** The advice that fits, best first; nothing for what nobody has met yet. */
export const adviceFor = (words: string): string[] =>
  ADVICE.filter(([says]) => says.test(words)).map(([, advice]) => advice)

import type { Schemas } from '../../api/client.ts'
import { whole } from '../../ui/numbers.ts'
import { Time } from '../../ui/time.tsx'

type ApiKey = Schemas['ApiKey']
type Props = { apiKey: ApiKey; wasReplaced: boolean; onRotate: () => void; onRevoke: () => void }

/** What is known of a key: by what it can be told from others, what it may do, and whether it works. */
export function KeyRow({ apiKey: key, wasReplaced, onRotate, onRevoke }: Props) {
  const isExpired = key.expires_at !== null && Date.parse(key.expires_at) <= Date.now()
  const works = !key.revoked && !isExpired
  return (
    <li>
      <div class="row">
        <strong class="name">{key.name}</strong>
        <State apiKey={key} isExpired={isExpired} />
        <span class="grow" />
        {works && !wasReplaced && (
          <button type="button" aria-label={`Rotate ${key.name}`} onClick={onRotate}>
            Rotate
          </button>
        )}
        {works && (
          <button type="button" aria-label={`Revoke ${key.name}`} onClick={onRevoke}>
            Revoke
          </button>
        )}
      </div>
      <p>
        <code>
          {key.prefix}…{key.last_four}
        </code>
      </p>
      <p class="quiet">
        {limitsOf(key).join(', ')}. Made <Time at={key.created_at} />,{' '}
        {key.last_used_at ? (
          <>
            last used <Time at={key.last_used_at} />
          </>
        ) : (
          'never used'
        )}
      </p>
    </li>
  )
}

function State({ apiKey: { revoked, expires_at }, isExpired }: { apiKey: ApiKey; isExpired: boolean }) {
  if (revoked) return <span class="mark fault">Revoked</span>
  if (isExpired) return <span class="mark fault">Expired</span>
  if (expires_at === null) return <span class="mark good">Active</span>
  return (
    <span class="mark good">
      Active until <Time at={expires_at} />
    </span>
  )
}

const limitsOf = ({ scopes, models, allowed_origins, rpm, monthly_token_cap }: ApiKey): string[] => [
  `May ${scopes.join(' and ')}`,
  ...(models.length > 0 ? [`also ${models.join(', ')}`] : []),
  ...(allowed_origins.length > 0 ? [`from ${allowed_origins.join(', ')}`] : []),
  ...(rpm === null ? [] : [`${rpm} requests a minute`]),
  ...(monthly_token_cap === null ? [] : [`${whole(monthly_token_cap)} tokens a month`]),
]

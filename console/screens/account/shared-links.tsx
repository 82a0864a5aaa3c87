import { api, ok, page, type Schemas } from '../../api/client.ts'
import { Copy } from '../../ui/copy.tsx'
import { confirm } from '../../ui/dialog.tsx'
import { Listed } from '../../ui/listed.tsx'
import { Time } from '../../ui/time.tsx'
import { usePages } from '../../ui/use-pages.ts'

type Share = Schemas['Share']

/** What the user has shared, for whoever has the link. */
export function SharedLinks() {
  const shares = usePages((cursor) => page(api.GET('/api/v1/shares', { params: { query: { cursor } } })), [])
  const askToRevoke = ({ id, title }: Share) =>
    confirm({
      title: 'Revoke this link?',
      text: `Nobody can read ${title ? `“${title}”` : 'the conversation'} by it any more.`,
      action: 'Revoke it',
      act: async () => {
        await ok(api.DELETE('/api/v1/shares/{id}', { params: { path: { id } } }))
        shares.set((items) => items.filter((share) => share.id !== id))
      },
    })
  return (
    <section aria-labelledby="shared-links">
      <h2 id="shared-links">Shared links</h2>
      <Listed pages={shares} what="links" empty={<p class="quiet">No conversation of yours is shared.</p>}>
        {(items) => (
          <ul class="list">
            {items.map((share) => (
              <li key={share.id} class="row">
                <div class="grow">
                  <a href={share.url} target="_blank" rel="noopener">
                    {share.title ?? 'A conversation'}
                  </a>
                  <p class="quiet">
                    Shared <Time at={share.created_at} />
                    {share.expires_at && (
                      <>
                        , until <Time at={share.expires_at} />
                      </>
                    )}
                  </p>
                </div>
                <Copy text={new URL(share.url, location.origin).href} what="the link" />
                <button
                  type="button"
                  aria-label={`Revoke ${share.title ?? 'the link'}`}
                  onClick={() => askToRevoke(share)}
                >
                  Revoke
                </button>
              </li>
            ))}
          </ul>
        )}
      </Listed>
    </section>
  )
}

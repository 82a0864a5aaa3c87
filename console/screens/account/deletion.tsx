import { api, ok } from '../../api/client.ts'
import { end } from '../../api/session.ts'
import { confirm } from '../../ui/dialog.tsx'
import { tell } from '../../ui/toasts.tsx'

/** The end of an account. */
export const Deletion = () => (
  <section aria-labelledby="deletion">
    <h2 id="deletion">Farewell</h2>
    <p>
      Conversations, projects, files, chatbots and their keys are removed. What you said in channels stays, without your
      name; a channel of yours goes to its oldest moderator.
    </p>
    <button type="button" class="danger" onClick={ask}>
      Delete my account
    </button>
  </section>
)

const ask = () =>
  confirm({
    title: 'Delete your account?',
    text: 'All that is in it is removed now. This cannot be undone: export your data first.',
    action: 'Delete my account for good',
    act: async () => {
      const { conversations, messages, files } = await ok(api.DELETE('/api/v1/users/me'))
      tell(`Your account is deleted, with ${conversations} conversations, ${messages} messages and ${files} files`)
      // The server has ended the session already: nothing waits for its answer.
      void end()
    },
  })

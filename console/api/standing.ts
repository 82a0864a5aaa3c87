import { api, ok } from './client.ts'
import { me, updateMe } from './session.ts'

/** Reads anew who is signed in, as an administrator may have changed their role or plan. @throws as `ok` */
export async function readMe(): Promise<void> {
  const user = await ok(api.GET('/api/v1/users/me'))
  // Somebody else may have signed in meanwhile.
  if (user.id === me.value?.id) updateMe(user)
}

// An administrator who is refused may be none any more: then what only administrators see has to go.
api.use({
  onResponse({ response }) {
    if (response.status === 403 && me.value?.role === 'admin') readMe().catch(() => {})
  },
})

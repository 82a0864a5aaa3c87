import { me } from '../../api/session.ts'

/** Who one is. */
export const Account = () => (
  <div class="page">
    <h1>Account</h1>
    <p>{me.value!.display_name}</p>
  </div>
)

/** A channel where demo people talk, and a chatbot in it. They are made through the API of a server that has the other demo data. */
export async function seedTeam(url: string, password: string): Promise<void> {
  const [nora, mateo, lucia] = await Promise.all(['nora', 'mateo', 'lucia'].map((name) => signIn(url, name, password)))
  const chatbot = await nora!('POST', '/chatbots', {
    name: 'Harbour guide',
    handle: 'guide',
    instructions: 'Answer for visitors of the harbour festival, in two sentences at the most.',
  })
  await nora!('POST', `/chatbots/${chatbot.id}/api-keys`, { name: 'Website' })
  const channel = await nora!('POST', '/channels', {
    name: 'harbour-festival',
    description: 'Everything for the last weekend of June',
  })
  for (const username of ['mateo', 'lucia', 'aiko', 'samir']) {
    await nora!('POST', `/channels/${channel.id}/members`, { username })
  }
  await nora!('POST', `/channels/${channel.id}/members`, { chatbot_id: chatbot.id })
  const say = (who: typeof nora, content: string, more = {}) =>
    who!('POST', `/channels/${channel.id}/messages`, { content, ...more })

  const plan = await say(nora, 'The quay is ours from **Friday 14:00**. Stages first, food after 18:00.')
  await say(mateo, 'Then the band has two hours for the sound check. I tell them.', { thread_id: plan.id })
  await say(lucia, 'Power plan is in: three circuits of 32 A, one spare. @mateo needs one of them for the stage.')
  const map = await say(
    mateo,
    'Got it. Map for the volunteers:\n\n1. Gate by the old crane\n2. Water at the boathouse\n3. First aid next to it',
  )
  await lucia!('PUT', `/channels/${channel.id}/messages/${map.id}/reactions/${encodeURIComponent('❤️')}`)
  await nora!('PUT', `/channels/${channel.id}/messages/${map.id}/reactions/${encodeURIComponent('❤️')}`)
  await nora!('PUT', `/channels/${channel.id}/pins/${map.id}`)
  await say(nora, '@guide count to 5, so that everybody sees that you are here')
}

// biome-ignore lint/suspicious/noExplicitAny: bodies of every shape
type Ask = (method: string, path: string, body?: object) => Promise<any>

async function signIn(url: string, username: string, password: string): Promise<Ask> {
  const ask =
    (token?: string): Ask =>
    async (method, path, body) => {
      const response = await fetch(`${url}/api/v1${path}`, {
        method,
        headers: { 'content-type': 'application/json', ...(token && { authorization: `Bearer ${token}` }) },
        body: body && JSON.stringify(body),
      })
      if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${await response.text()}`)
      return response.status === 204 ? undefined : response.json()
    }
  const { access_token } = await ask()('POST', '/auth/login', { username, password })
  return ask(access_token)
}

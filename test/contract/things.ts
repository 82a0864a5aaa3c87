import { inject } from 'vitest'
import { until } from '../support/server-user.ts'
import type { Made, Maker, Person, Things } from './world.ts'

const OFFLINE = { model: 'parley-offline' }
export const TUS = { 'tus-resumable': '1.0.0' }
export const UPLOAD_LENGTH = 8

const of = (things: Things, by?: Person): Made => ({ things, by })

/** What the operations of a path are about, made by the owner of a world, and all that a body may name beside it. */
export const session: Maker = async (world) => {
  const { email, password } = world.people.owner
  const { access_token } = await world.make('/auth/login', { email, password }, undefined as never)
  return of({ id: JSON.parse(Buffer.from(access_token.split('.')[1], 'base64url').toString()).sid })
}

export const project: Maker = async (world) =>
  of({ id: (await world.make('/projects', { name: world.people.owner.mark })).id })

export const self: Maker = async ({ people: { owner } }) => of({ id: owner.id })

/** Somebody fresh, who does it to themselves. */
export const freshSelf: Maker = async (world) => {
  const by = await world.register()
  return of({ id: by.id, email: by.email, username: by.username, password: by.password, refresh: by.refreshToken }, by)
}

export const freshUser: Maker = async (world) => of({ id: (await world.register()).id })

/** A conversation with a question and a reply. */
export const conversation: Maker = async (world) => {
  const { chat_id, message_id, run_id } = await world.make('/chat', { message: world.people.owner.mark, ...OFFLINE })
  return of({ id: chat_id, conversation: chat_id, message: message_id, run: run_id })
}

/** Only what one said oneself is edited, and only a reply is rated. */
export const message: Maker = async (world, { body }) => {
  const { things } = await conversation(world, { query: {}, headers: {} })
  const edits = (body?.value as { content?: string } | undefined)?.content !== undefined
  if (!edits) return of({ ...things, id: things.message! })
  const answer = await world.ask(world.people.owner, 'GET', `/api/v1/messages/${things.message}`)
  return of({ ...things, id: (answer.body as { parent_id: string }).parent_id })
}

export const reply: Maker = async (world, input) => {
  const { things } = await conversation(world, input)
  return of({ ...things, id: things.message! })
}

export const run: Maker = async (world, input) => {
  const { things } = await conversation(world, input)
  return of({ ...things, id: things.run! })
}

export const share: Maker = async (world, input) => {
  const { things } = await conversation(world, input)
  const { id, token } = await world.make(`/conversations/${things.id}/shares`)
  return of({ id, token })
}

export const file: Maker = async (world) => {
  const { owner } = world.people
  const asked = {
    query: { filename: `${owner.mark}.txt` },
    headers: {},
    body: { type: 'application/octet-stream', value: owner.mark },
  }
  const answer = await world.ask(owner, 'PUT', '/api/v1/upload', asked)
  return of({ id: (answer.body as { id: string }).id })
}

export const upload: Maker = async (world) => {
  const headers = { ...TUS, 'upload-length': String(UPLOAD_LENGTH) }
  const answer = await world.ask(world.people.owner, 'POST', '/api/v1/uploads', { headers })
  return of({ id: answer.headers.get('location')!.split('/').at(-1)! })
}

/** A channel of the owner's with a guest in it, a message of the owner's, and somebody who is not in it. */
export const channel: Maker = async (world) => {
  const { owner, guest } = world.people
  const { id } = await world.make('/channels', { name: 'general', visibility: 'private' })
  await world.make(`/channels/${id}/members`, { user_id: guest.id })
  const said = await world.make(`/channels/${id}/messages`, { content: owner.mark })
  const newcomer = await world.once('newcomer', () => world.register('newcomer'))
  const { id: chatbot, handle } = await world.once('helper', () =>
    world.make('/chatbots', { name: 'Helper', handle: `h${owner.username}` }),
  )
  return of({
    id,
    channel: id,
    message_id: said.id,
    thread: said.id,
    user_id: guest.id,
    username: guest.username,
    emoji: '👍',
    newcomer: newcomer.id,
    newcomer_name: newcomer.username,
    chatbot,
    handle,
  })
}

/** The same, with what was done to it before. */
export const after =
  (maker: Maker, method: string, path: (things: Things) => string, body?: object): Maker =>
  async (world, input) => {
    const made = await maker(world, input)
    const value = body === undefined ? undefined : { body: { type: 'application/json', value: body } }
    const answer = await world.ask(world.people.owner, method, `/api/v1${path(made.things)}`, value)
    if (answer.status >= 300) throw new Error(`What a test needs was refused: ${answer.status} ${answer.text}`)
    return made
  }

/** All of it, and what the path names is of the first. */
export const together =
  (...makers: Maker[]): Maker =>
  async (world, input) => {
    const made: Made[] = []
    for (const maker of makers) made.push(await maker(world, input))
    return made[0]!
  }

/** As the guest, who is in it. */
export const asGuest =
  (maker: Maker): Maker =>
  async (world, input) => ({ ...(await maker(world, input)), by: world.people.guest })

/** A channel in which something of everything has happened to the message. */
export const busyChannel: Maker = async (world, input) => {
  const { owner, guest } = world.people
  const { things } = await channel(world, input)
  const message = `/channels/${things.id}/messages/${things.message_id}`
  await world.make(`/channels/${things.id}/messages`, { content: 'So', thread_id: things.message_id }, guest)
  await world.make(message, { content: `${owner.mark} again` }, owner, 'PATCH')
  await world.make(`${message}/reactions/%F0%9F%91%8D`, {}, owner, 'PUT')
  await world.make(`/channels/${things.id}/pins/${things.message_id}`, {}, owner, 'PUT')
  await world.make(`/channels/${things.id}/invites`)
  const banned = await world.register()
  await world.make(`/channels/${things.id}/members`, { user_id: banned.id })
  await world.make(`/channels/${things.id}/ban-by-username/${banned.username}`)
  return of(things)
}

export const openChannel: Maker = async (world) => {
  const { id } = await world.make('/channels', { name: 'general' })
  return of({ id })
}

export const invite: Maker = async (world, input) => {
  const { things } = await channel(world, input)
  const { id, code } = await world.make(`/channels/${things.id}/invites`)
  return of({ ...things, invite_id: id, code })
}

export const chatbot: Maker = async (world) => {
  const { id } = await world.make('/chatbots', { name: world.people.owner.mark })
  return of({ id })
}

export const apiKey: Maker = async (world, input) => {
  const { things } = await chatbot(world, input)
  const { id } = await world.make(`/chatbots/${things.id}/api-keys`, { name: world.people.owner.mark })
  return of({ ...things, key_id: id })
}

export const completion: Maker = async (world) => {
  const { mark } = world.people.owner
  const asked = { ...OFFLINE, messages: [{ role: 'user', content: mark }], store: true }
  const answer = await world.ask(world.people.owner, 'POST', '/v1/chat/completions', {
    body: { type: 'application/json', value: asked },
  })
  return of({ id: (answer.body as { id: string }).id })
}

export const ticket: Maker = async (world) => of({ ticket: (await world.make('/ws/tickets')).ticket })

export const accessToken: Maker = async ({ people: { owner } }) =>
  of({ username: owner.username, token_of_owner: owner.token })

/** Somebody fresh with the code of a mail that they get when they register, or when they have forgotten their password. */
export const mailed =
  (subject: 'Confirm' | 'Reset'): Maker =>
  async (world) => {
    const by = await world.register()
    if (subject === 'Reset') await world.make('/auth/password/forgot', { email: by.email }, undefined as never)
    const code = await until(5_000, async () => {
      const response = await fetch(`${inject('contractMails')}/emails?${new URLSearchParams({ to: by.email })}`)
      const mails = (await response.json()) as { subject: string; text: string }[]
      return /^ {4}(\S{43})$/m.exec(mails.find((mail) => mail.subject.startsWith(subject))?.text ?? '')?.[1]
    })
    return of({ code }, by)
  }

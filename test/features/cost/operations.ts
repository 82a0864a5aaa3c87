import { env } from 'cloudflare:workers'
import { configOf } from '../../../src/env.ts'
import { shardOf } from '../../../src/lib/shards.ts'
import { add, ban, join, newChannel, said, say } from '../../support/channels.ts'
import { newChatbot, newKey, newKeyHolder } from '../../support/chatbots.ts'
import { type Client, client, eventsOf, PASSWORD, type SignedIn, signIn, signInAdmin } from '../../support/client.ts'
import { codeTo } from '../../support/mail.ts'
import { setPlan } from '../../support/plans.ts'
import { connect } from '../../support/socket.ts'
import { idOf, type Place } from './many-rows.ts'

export type World = Awaited<ReturnType<typeof makeWorld>>

/** A user who has everything, with whom and where they have it. */
export async function makeWorld() {
  const [ada, bob, eve, admin] = [await signIn(), await signIn(), await signIn(), await signInAdmin()]
  for (const user of [ada, bob, eve]) await setPlan(user, 'team')
  const make = async (path: string, body: object = {}, by: SignedIn = ada) => (await by('POST', path, body)).body
  const channel = await newChannel(ada)
  await join(bob, channel)
  const chatbot = await newChatbot(ada)
  const { id: project } = await make('/projects', { name: 'Project' })
  const chat = await make('/chat', { message: 'Hello', model: 'parley-offline' })
  const share = await make(`/conversations/${chat.chat_id}/shares`)
  const file = (await ada('PUT', '/upload?filename=a.txt', undefined, { raw: 'Some text' })).body
  const place: Place = {
    user: ada.user.id,
    channel,
    root: await said(ada, channel, 'The first'),
    long: (await make('/conversations')).id,
    wide: (await make('/conversations')).id,
    project,
    share: share.id,
    chatbot: chatbot.id,
  }
  const key = await newKey(ada, chatbot.id)
  const holder = await newKeyHolder(ada, (await newChatbot(ada, { model: 'parley-offline' })).id)
  return { ada, bob, eve, admin, anyone: client(), make, place, chat, share, file, key, holder }
}

/** Makes what an operation needs, and gives what is to be counted. */
type Operation = (world: World) => Promise<{ call: () => Promise<unknown> }>

const now =
  (call: (world: World) => Promise<unknown>): Operation =>
  async (world) => ({ call: () => call(world) })

const after =
  <T>(prepare: (world: World) => Promise<T>, call: (world: World, made: T) => Promise<unknown>): Operation =>
  async (world) => {
    const made = await prepare(world)
    return { call: () => call(world, made) }
  }

const TUS = { 'tus-resumable': '1.0.0' }
const OFFLINE = { model: 'parley-offline' }
const get = (path: string | ((world: World) => string)) =>
  now((world) => world.ada('GET', typeof path === 'string' ? path : path(world)))
const adminGet = (path: string | ((world: World) => string)) =>
  now((world) => world.admin('GET', typeof path === 'string' ? path : path(world)))
const streamed = async (user: Client, path: string, body: object) =>
  eventsOf(await user.open('POST', path, body, { headers: { accept: 'text/event-stream' } }))

const newUpload = async ({ bob }: World, length: number) => {
  const { headers } = await bob('POST', '/uploads', undefined, { headers: { ...TUS, 'upload-length': `${length}` } })
  return headers.get('location')!.split('/').at(-1)!
}
const conversation = ({ bob, make }: World) => make('/conversations', {}, bob).then(({ id }) => id as string)
const botAndKey = async ({ bob }: World) => {
  const { id } = await newChatbot(bob)
  return [id, (await newKey(bob, id)).id] as const
}
const message = async (world: World) => said(world.ada, world.place.channel, 'One more')
/** Who is in no channel yet: how many somebody is in shows in what a change costs. */
/** Of two Gateways, each of which is told of what concerns both: on one it would be a call less, one time in three. */
async function twoOthers(): Promise<readonly [SignedIn, SignedIn]> {
  const one = await signIn()
  for (;;) {
    const other = await signIn()
    if ((await gatewayOf(one)) !== (await gatewayOf(other))) return [one, other]
  }
}
const gatewayOf = ({ user }: SignedIn) => shardOf(user.id, configOf(env).SOCKET_SHARDS)
const newChannelOfOthers = async () => {
  const [user, other] = await twoOthers()
  return [user, other, await newChannel(user)] as const
}
const smallChannel = async () => {
  const [ada, bob, id] = await newChannelOfOthers()
  await join(bob, id)
  return { ada, bob, id }
}
const invite = async ({ ada, place }: World) => (await ada('POST', `/channels/${place.channel}/invites`, {})).body

/** Every operation of the document by its name, some in several ways. */
export const OPERATIONS: Record<string, Operation> = {
  getHealth: get('/health'),
  getReadiness: get('/ready'),
  getDatabaseState: adminGet('/db-status'),

  register: now(({ anyone }) =>
    anyone('POST', '/auth/register', { username: `u${crypto.randomUUID().slice(0, 8)}`, password: PASSWORD }),
  ),
  login: now(({ anyone, ada }) => anyone('POST', '/auth/login', { email: ada.user.email, password: PASSWORD })),
  'login, refused': now(({ anyone, bob }) =>
    anyone('POST', '/auth/login', { email: bob.user.email, password: 'wrong-password' }),
  ),
  createToken: now(({ anyone, ada }) =>
    anyone('POST', '/auth/token', undefined, {
      raw: new URLSearchParams({ grant_type: 'password', username: ada.user.username, password: PASSWORD }),
    }),
  ),
  refresh: after(
    () => signIn(),
    ({ anyone }, { tokens }) => anyone('POST', '/auth/refresh', { refresh_token: tokens.refresh_token }),
  ),
  logout: after(
    () => signIn(),
    (_, user) => user('POST', '/auth/logout'),
  ),
  getMe: get('/auth/me'),
  listSessions: get('/auth/sessions'),
  endSession: after(
    async ({ anyone, ada }) => {
      await anyone('POST', '/auth/login', { email: ada.user.email, password: PASSWORD })
      return (await ada('GET', '/auth/sessions')).body[0].id
    },
    ({ ada }, id) => ada('DELETE', `/auth/sessions/${id}`),
  ),
  forgotPassword: now(({ anyone, bob }) => anyone('POST', '/auth/password/forgot', { email: bob.user.email })),
  resetPassword: after(
    async ({ anyone }) => {
      const { user } = await signIn()
      await anyone('POST', '/auth/password/forgot', { email: user.email })
      return codeTo(user.email, 'password')
    },
    ({ anyone }, token) => anyone('POST', '/auth/password/reset', { token, new_password: `${PASSWORD}2` }),
  ),
  changePassword: after(
    () => signIn(),
    (_, user) => user('POST', '/auth/password/change', { current_password: PASSWORD, new_password: `${PASSWORD}-two` }),
  ),
  resendVerification: after(
    () => signIn(),
    ({ anyone }, { user }) => anyone('POST', '/auth/verify/resend', { email: user.email }),
  ),
  verifyEmail: after(
    async () => codeTo((await signIn()).user.email, ''),
    ({ anyone }, token) => anyone('POST', '/auth/verify', { token }),
  ),

  getOwnUser: get('/users/me'),
  updateOwnUser: now(({ bob }) => bob('PATCH', '/users/me', { display_name: 'Bob' })),
  deleteOwnUser: after(
    () => signIn(),
    (_, user) => user('DELETE', '/users/me', { password: PASSWORD }),
  ),
  exportOwnUser: after(
    () => signIn(),
    (_, user) => user('GET', '/users/me/export'),
  ),
  listUsers: adminGet('/users'),
  createUser: now(({ admin }) =>
    admin('POST', '/users', { username: `u${crypto.randomUUID().slice(0, 8)}`, password: PASSWORD }),
  ),
  getUser: get(({ ada }) => `/users/${ada.user.id}`),
  updateUser: now(({ bob }) => bob('PATCH', `/users/${bob.user.id}`, { display_name: 'Bob' })),
  replaceUser: now(({ bob: { user }, bob }) =>
    bob('PUT', `/users/${user.id}`, { email: user.email, username: user.username, display_name: 'Bob' }),
  ),
  deleteUser: after(
    () => signIn(),
    ({ admin }, { user }) => admin('DELETE', `/users/${user.id}`),
  ),

  listPlans: get('/plans'),
  'getUsage, by day': get('/user/usage?group_by=day'),
  'getUsage, by conversation': get('/user/usage?group_by=conversation'),
  'upgrade, refused': after(
    () => signIn(),
    (_, user) => user('POST', '/user/upgrade', { plan: 'pro' }),
  ),

  listProjects: get('/projects'),
  createProject: now(({ bob }) => bob('POST', '/projects', { name: 'Project' })),
  getProject: get(({ place }) => `/projects/${place.project}`),
  updateProject: now(({ ada, place }) => ada('PATCH', `/projects/${place.project}`, { name: 'Other' })),
  deleteProject: after(
    async ({ make, bob }) => (await make('/projects', { name: 'Project' }, bob)).id,
    ({ bob }, id) => bob('DELETE', `/projects/${id}`),
  ),

  listConversations: get('/conversations'),
  'listConversations, archived': get('/conversations?archived=true'),
  'listConversations, pinned': get('/conversations?pinned=true'),
  'listConversations, of a project': get(({ place }) => `/conversations?project_id=${place.project}`),
  'listConversations, with a tag': get('/conversations?tag=work'),
  createConversation: now(({ bob }) => bob('POST', '/conversations', { title: 'Hello' })),
  getConversation: get(({ place }) => `/conversations/${place.long}`),
  updateConversation: now(({ ada, place }) => ada('PATCH', `/conversations/${place.wide}`, { title: 'Other' })),
  deleteConversation: after(conversation, ({ bob }, id) => bob('DELETE', `/conversations/${id}`)),
  nameConversation: now(({ ada, chat }) => ada('POST', `/conversations/${chat.chat_id}/title`)),
  createShare: after(
    async ({ make, bob }) => (await make('/chat', { message: 'Hi', ...OFFLINE }, bob)).chat_id,
    ({ bob }, id) => bob('POST', `/conversations/${id}/shares`),
  ),
  listShares: get('/shares'),
  deleteShare: after(
    async (world) => {
      const { chat_id } = await world.make('/chat', { message: 'Hi', ...OFFLINE }, world.bob)
      return (await world.make(`/conversations/${chat_id}/shares`, {}, world.bob)).id
    },
    ({ bob }, id) => bob('DELETE', `/shares/${id}`),
  ),
  getShared: now(({ anyone, share }) => anyone('GET', `/shared/${share.token}`)),

  listMessages: get(({ place }) => `/conversations/${place.long}/messages`),
  'listMessages, with siblings': get(({ place }) => `/conversations/${place.long}/messages?siblings=true`),
  'createMessage, no reply': after(conversation, ({ bob }, id) =>
    bob('POST', `/conversations/${id}/messages`, { content: 'Hi', reply: false }),
  ),
  createMessage: after(conversation, ({ bob }, id) =>
    bob('POST', `/conversations/${id}/messages`, { content: 'Hi', ...OFFLINE }),
  ),
  'createMessage, in a long conversation': now(({ ada, place }) =>
    ada('POST', `/conversations/${place.long}/messages`, { content: 'Hi', ...OFFLINE }),
  ),
  'createMessage, streamed': after(conversation, ({ bob }, id) =>
    streamed(bob, `/conversations/${id}/messages`, { content: 'Hi', ...OFFLINE }),
  ),
  getMessage: get(({ chat }) => `/messages/${chat.message_id}`),
  'updateMessage, feedback': now(({ ada, chat }) =>
    ada('PATCH', `/messages/${chat.message_id}`, { feedback: { rating: 'up' } }),
  ),
  deleteMessage: after(
    async ({ make, bob }) => (await make('/chat', { message: 'Hi', ...OFFLINE }, bob)).message_id,
    ({ bob }, id) => bob('DELETE', `/messages/${id}`),
  ),
  listSiblings: get(() => `/messages/${idOf(1e9)}/siblings`),
  regenerateMessage: after(
    async ({ make, bob }) => (await make('/chat', { message: 'Hi', ...OFFLINE }, bob)).message_id,
    ({ bob }, id) => bob('POST', `/messages/${id}/regenerate`, OFFLINE),
  ),
  sendChat: now(({ bob }) => bob('POST', '/chat', { message: 'Hi', ...OFFLINE })),

  getRun: get(({ chat }) => `/runs/${chat.run_id}`),
  watchRun: now(async ({ ada, chat }) => eventsOf(await ada.open('GET', `/runs/${chat.run_id}/events`))),
  cancelRun: now(({ ada, chat }) => ada('POST', `/runs/${chat.run_id}/cancel`)),
  streamConversation: get(({ chat }) => `/conversations/${chat.chat_id}/stream`),

  search: get('/search?q=quick'),
  exportConversations: now(({ eve }) => eve('GET', '/export')),
  importConversations: now(({ eve }) => {
    const header = { type: 'parley.export', version: 1 }
    const raw = `${JSON.stringify(header)}\n${JSON.stringify({ type: 'project', id: 'p', name: 'Project' })}\n`
    return eve('POST', '/import', undefined, { raw, headers: { 'content-type': 'application/x-ndjson' } })
  }),

  uploadFile: now(({ bob }) => {
    const raw = new FormData()
    raw.set('file', new File(['Some text'], 'a.txt'))
    return bob('POST', '/upload', undefined, { raw })
  }),
  putFile: now(({ bob }) => bob('PUT', '/upload?filename=a.txt', undefined, { raw: 'Some text' })),
  beginUpload: now((world) => newUpload(world, 3)),
  getUpload: after(
    (world) => newUpload(world, 3),
    ({ bob }, id) => bob.open('HEAD', `/uploads/${id}`, undefined, { headers: TUS }),
  ),
  appendToUpload: after(
    (world) => newUpload(world, 3),
    ({ bob }, id) => {
      const headers = { ...TUS, 'content-type': 'application/offset+octet-stream', 'upload-offset': '0' }
      return bob('PATCH', `/uploads/${id}`, undefined, { raw: 'abc', headers })
    },
  ),
  endUpload: after(
    (world) => newUpload(world, 3),
    ({ bob }, id) => bob('DELETE', `/uploads/${id}`, undefined, { headers: TUS }),
  ),
  listFiles: get('/files'),
  getFile: get(({ file }) => `/files/${file.id}`),
  getFileContent: get(({ file }) => `/files/${file.id}/content`),
  deleteFile: after(
    async ({ bob }) => (await bob('PUT', '/upload?filename=a.txt', undefined, { raw: 'Some text' })).body.id,
    ({ bob }, id) => bob('DELETE', `/files/${id}`),
  ),

  listUnread: get('/channels/unread'),
  searchChannels: get('/channels/search?q=needle'),
  markChannelRead: after(message, ({ bob, place }) => bob('PUT', `/channels/${place.channel}/read`, { seq: 5 })),
  createChannel: after(
    () => signIn(),
    (_, user) => user('POST', '/channels', { name: 'general' }),
  ),
  listChannels: get('/channels'),
  'listChannels, all': get('/channels?scope=all'),
  openDirectChannel: after(twoOthers, (_, [user, other]) =>
    user('POST', '/channels/direct', { usernames: [other.user.username] }),
  ),
  getChannel: get(({ place }) => `/channels/${place.channel}`),
  updateChannel: now(({ ada, place }) => ada('PATCH', `/channels/${place.channel}`, { name: 'Other' })),
  deleteChannel: after(smallChannel, (_, { ada, id }) => ada('DELETE', `/channels/${id}`)),
  joinChannel: after(newChannelOfOthers, (_, [, other, id]) => join(other, id)),
  leaveChannel: after(smallChannel, (_, { bob, id }) => bob('POST', `/channels/${id}/leave`)),
  listMembers: get(({ place }) => `/channels/${place.channel}/members`),
  addMember: after(newChannelOfOthers, (_, [user, other, id]) => add(user, id, other)),
  updateMember: after(smallChannel, (_, { ada, bob, id }) =>
    ada('PATCH', `/channels/${id}/members/${bob.user.id}`, { role: 'moderator' }),
  ),
  removeMember: after(smallChannel, (_, { ada, bob, id }) => ada('DELETE', `/channels/${id}/members/${bob.user.id}`)),
  createInvite: after(smallChannel, (_, { ada, id }) => ada('POST', `/channels/${id}/invites`, {})),
  listInvites: get(({ place }) => `/channels/${place.channel}/invites`),
  revokeInvite: after(invite, ({ ada, place }, { id }) => ada('DELETE', `/channels/${place.channel}/invites/${id}`)),
  acceptInvite: after(
    async () => {
      const [user, other, id] = await newChannelOfOthers()
      return [other, (await user('POST', `/channels/${id}/invites`, {})).body.code] as const
    },
    (_, [other, code]) => other('POST', `/invites/${code}/accept`),
  ),
  banUser: after(smallChannel, (_, { ada, bob, id }) => ban(ada, id, bob)),
  unbanUser: after(
    async () => {
      const made = await smallChannel()
      await ban(made.ada, made.id, made.bob)
      return made
    },
    (_, { ada, bob, id }) => ada('POST', `/channels/${id}/unban-by-username/${bob.user.username}`),
  ),
  listBannedUsers: get(({ place }) => `/channels/${place.channel}/banned-users`),

  sendChannelMessage: now(({ ada, place }) => say(ada, place.channel, 'Hi')),
  sendChatMessage: now(({ ada, place }) => ada('POST', '/chat/messages', { content: 'Hi', channel_id: place.channel })),
  listChannelMessages: get(({ place }) => `/channels/${place.channel}/messages`),
  getChannelMessage: get(({ place }) => `/channels/${place.channel}/messages/${place.root}`),
  editChannelMessage: after(message, ({ ada, place }, id) =>
    ada('PATCH', `/channels/${place.channel}/messages/${id}`, { content: 'Better' }),
  ),
  deleteChannelMessage: after(message, ({ ada, place }, id) =>
    ada('DELETE', `/channels/${place.channel}/messages/${id}`),
  ),
  listReplies: get(({ place }) => `/channels/${place.channel}/messages/${place.root}/replies`),
  listMessageVersions: get(({ place }) => `/channels/${place.channel}/messages/${idOf(500)}/versions`),
  addReaction: after(message, ({ ada, place }, id) =>
    ada('PUT', `/channels/${place.channel}/messages/${id}/reactions/%F0%9F%91%8D`),
  ),
  removeReaction: after(
    async (world) => {
      const id = await message(world)
      await world.ada('PUT', `/channels/${world.place.channel}/messages/${id}/reactions/%F0%9F%91%8D`)
      return id
    },
    ({ ada, place }, id) => ada('DELETE', `/channels/${place.channel}/messages/${id}/reactions/%F0%9F%91%8D`),
  ),
  listReactors: get(({ place }) => `/channels/${place.channel}/messages/${place.root}/reactions?emoji=%F0%9F%91%8D`),
  pinMessage: after(message, ({ ada, place }, id) => ada('PUT', `/channels/${place.channel}/pins/${id}`)),
  unpinMessage: after(
    async (world) => {
      const id = await message(world)
      await world.ada('PUT', `/channels/${world.place.channel}/pins/${id}`)
      return id
    },
    ({ ada, place }, id) => ada('DELETE', `/channels/${place.channel}/pins/${id}`),
  ),
  listPins: get(({ place }) => `/channels/${place.channel}/pins`),

  createSocketTicket: now(({ bob }) => bob('POST', '/ws/tickets')),
  openSocket: now(async ({ eve }) => (await connect(eve)).close()),

  listChatbots: get('/chatbots'),
  createChatbot: now(({ bob }) => bob('POST', '/chatbots', { name: 'Support' })),
  getChatbot: get(({ place }) => `/chatbots/${place.chatbot}`),
  updateChatbot: after(
    ({ bob }) => newChatbot(bob),
    ({ bob }, { id }) => bob('PATCH', `/chatbots/${id}`, { name: 'Other' }),
  ),
  deleteChatbot: after(
    ({ bob }) => newChatbot(bob),
    ({ bob }, { id }) => bob('DELETE', `/chatbots/${id}`),
  ),
  listChatbotVersions: get(({ place }) => `/chatbots/${place.chatbot}/versions`),
  listChatbotsOfUser: get(({ ada }) => `/users/${ada.user.id}/chatbots`),
  listApiKeys: get(({ place }) => `/chatbots/${place.chatbot}/api-keys`),
  createApiKey: after(
    ({ bob }) => newChatbot(bob),
    ({ bob }, { id }) => bob('POST', `/chatbots/${id}/api-keys`, { name: 'Website' }),
  ),
  getApiKey: get(({ place, key }) => `/chatbots/${place.chatbot}/api-keys/${key.id}`),
  revokeApiKey: after(botAndKey, ({ bob }, [id, key]) => bob('POST', `/chatbots/${id}/api-keys/${key}/revoke`)),
  rotateApiKey: after(botAndKey, ({ bob }, [id, key]) => bob('POST', `/chatbots/${id}/api-keys/${key}/rotate`)),

  listModels: now(({ holder }) => holder('GET', '/v1/models')),
  getModel: now(({ holder }) => holder('GET', '/v1/models/default')),
  createChatCompletion: now(({ holder }) =>
    holder('POST', '/v1/chat/completions', { model: 'default', messages: [{ role: 'user', content: 'Hi' }] }),
  ),
  'createChatCompletion, not stored': now(({ holder }) =>
    holder('POST', '/v1/chat/completions', {
      model: 'default',
      store: false,
      messages: [{ role: 'user', content: 'Hi' }],
    }),
  ),
  getChatCompletion: after(
    async ({ holder }) =>
      (
        await holder('POST', '/v1/chat/completions', {
          model: 'default',
          messages: [{ role: 'user', content: `Hi ${crypto.randomUUID()}` }],
        })
      ).body.id,
    ({ holder }, id) => holder('GET', `/v1/chat/completions/${id}`),
  ),

  adminListUsers: adminGet('/admin/users'),
  'adminListUsers, a search': adminGet('/admin/users?search=user1'),
  adminGetUser: adminGet(({ ada }) => `/admin/users/${ada.user.id}`),
  adminUpdateUser: now(({ admin, eve }) => admin('PATCH', `/admin/users/${eve.user.id}`, { plan: 'pro' })),
  adminDeleteUser: after(
    () => signIn(),
    ({ admin }, { user }) => admin('DELETE', `/admin/users/${user.id}`),
  ),
  adminSetRole: after(
    () => signIn(),
    ({ admin }, { user }) => admin('PATCH', `/admin/users/${user.id}/role`, { role: 'admin' }),
  ),
  adminListConversations: adminGet(({ ada }) => `/admin/users/${ada.user.id}/chats`),
  adminListMessages: adminGet(({ place }) => `/admin/chats/${place.long}/messages`),
  getMetrics: adminGet('/admin/metrics'),
  listAudit: adminGet(({ ada }) => `/admin/audit?actor_id=${ada.user.id}`),
  getUsageOfUsers: adminGet('/admin/usage'),
}

/** Without a row: what would tell nothing. */
export const LEFT_OUT = ['getUploadOptions', 'openSocketAs']

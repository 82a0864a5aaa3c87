import fc from 'fast-check'
import { newEmail, newName, newPassword, Ref, ref } from './known.ts'
import * as things from './things.ts'
import { type Known, leftOut } from './values.ts'
import type { Maker } from './world.ts'

/** What a valid request of an operation needs besides the document. */
export type Scene = {
  /** Makes what the path names; for a safe method it is made once. */
  make?: Maker
  /** The same of somebody else, when it is not what `make` makes; `null` where nothing is anybody's. */
  foreign?: Maker | null
  known?: Known
  /** Fields of the body that have to be there, when the others are as they are here. */
  needs?: string[]
  body?: fc.Arbitrary<unknown>
  bodies?: Record<string, fc.Arbitrary<unknown>>
  /** Which of the bodies that are valid by the document are so here. */
  fits?: (body: string) => boolean
  query?: fc.Arbitrary<Record<string, unknown>>
  headers?: fc.Arbitrary<Record<string, string>>
  /** What is wrong in a part is left out, and named in the answer. */
  isLenient?: true
}

const json = <T extends Record<string, fc.Arbitrary<unknown>>>(fields: T, optional: (keyof T)[] = []) =>
  fc.record(fields, { requiredKeys: Object.keys(fields).filter((name) => !optional.includes(name)) as never })
const text = fc.stringMatching(/^[a-z]{1,9}( [a-zé漢👍]{1,9}){0,5}$/u)
const tus = fc.constant(things.TUS)
const upgrade = fc.constant({
  connection: 'Upgrade',
  upgrade: 'websocket',
  'sec-websocket-version': '13',
  'sec-websocket-key': 'dGhlIHNhbXBsZSBub25jZQ==',
})
const pastDays = fc
  .tuple(fc.integer({ min: 1, max: 300 }), fc.integer({ min: 0, max: 60 }))
  .map(([start, length]) => ({ from: dayOf(start), to: dayOf(start + length) }))
const dayOf = (n: number) => new Date(Date.UTC(2025, 0, n)).toISOString().slice(0, 10)
const origins = fc.uniqueArray(
  fc.constantFrom('https://www.example.com', 'https://a.example.org:8443', 'http://localhost:3000'),
  {
    minLength: 1,
  },
)

/** By the beginning of the path, the longest that fits. */
const OF_PATHS: Record<string, Scene> = {
  '/api/v1/auth/sessions/{id}': { make: things.session },
  '/api/v1/users/{id}': { make: things.freshSelf },
  '/api/v1/users/{id}/chatbots': { make: things.self },
  '/api/v1/projects/{id}': { make: things.project },
  '/api/v1/conversations/{id}': { make: things.conversation },
  '/api/v1/shares/{id}': { make: things.share },
  '/api/v1/shared/{token}': { make: things.share, foreign: null },
  '/api/v1/messages/{id}': { make: things.message },
  '/api/v1/messages/{id}/regenerate': { make: things.reply },
  '/api/v1/messages/{id}/siblings': { make: things.reply },
  '/api/v1/runs/{id}': { make: things.run },
  '/api/v1/uploads/{id}': { make: things.upload, headers: tus },
  '/api/v1/files/{id}': { make: things.file },
  '/api/v1/channels/{id}': { make: things.channel },
  '/api/v1/channels/{id}/invites/{invite_id}': { make: things.invite },
  '/api/v1/invites/{code}': { make: things.asGuest(things.invite), foreign: null },
  '/api/v1/chatbots/{id}': { make: things.chatbot },
  '/api/v1/chatbots/{id}/api-keys/{key_id}': { make: things.apiKey },
  '/v1/models/{id}': { make: things.chatbot },
  '/v1/chat/completions/{id}': { make: things.completion },
  '/api/v1/admin/users/{id}': { make: things.freshUser, foreign: null },
  '/api/v1/admin/chats/{id}': { make: things.conversation, foreign: null },
}

const reaction = (path: string) => (made: Record<string, string>) =>
  `/channels/${made.id}/${path.replace('$', made.message_id!)}`
const REACTIONS = 'messages/$/reactions/%F0%9F%91%8D'

/** By operation, over what holds for its path. */
const OF_OPERATIONS: Record<string, Scene> = {
  login: {
    make: things.freshSelf,
    body: fc
      .constantFrom(['email'], ['username'], ['email', 'username'])
      .map((names) => Object.fromEntries([...names, 'password'].map((name) => [name, new Ref(name)]))),
  },
  refresh: {
    make: things.freshSelf,
    body: fc.constantFrom('refresh_token', 'refreshToken').map((name) => ({ [name]: new Ref('refresh') })),
  },
  logout: {
    make: things.freshSelf,
    body: fc.constantFrom({}, { refresh_token: new Ref('refresh') }, { refreshToken: new Ref('refresh') }),
  },
  createToken: {
    make: things.freshSelf,
    body: json(
      { grant_type: fc.constant('password'), username: ref('username'), password: ref('password'), scope: text },
      ['grant_type', 'scope'],
    ),
  },
  verifyEmail: { make: things.mailed('Confirm'), body: json({ token: ref('code') }) },
  resetPassword: { make: things.mailed('Reset'), body: json({ token: ref('code'), new_password: newPassword({}) }) },
  changePassword: {
    make: things.freshSelf,
    body: json({ current_password: ref('password'), new_password: newPassword({}) }),
  },
  deleteOwnUser: { make: things.freshSelf },
  updateOwnUser: {
    make: things.freshSelf,
    known: { current_password: () => ref('password') },
    // An account has to keep one of both.
    body: json(
      {
        email: newEmail({}),
        username: newName({}),
        display_name: text,
        current_password: ref('password'),
      },
      ['username', 'display_name'],
    ),
  },
  getUser: { make: things.self },
  updateUser: {
    body: json({ email: newEmail({}), display_name: text, current_password: ref('password') }, ['display_name']),
  },
  replaceUser: {
    body: json({ email: newEmail({}), username: newName({}), display_name: text, current_password: ref('password') }),
  },
  // Of an empty list nothing is seen.
  exportOwnUser: { make: things.together(things.conversation, things.file, things.chatbot) },
  listProjects: { make: things.project },
  listShares: { make: things.share },
  listFiles: { make: things.file },
  listSiblings: {
    make: things.after(things.reply, 'POST', ({ id }) => `/messages/${id}/regenerate`, { model: 'parley-offline' }),
  },
  search: {
    make: things.conversation,
    known: { q: () => fc.constantFrom('private', 'offline model', 'nobody said this') },
  },
  exportConversations: { make: things.together(things.conversation, things.project) },
  listChannels: { make: things.channel },
  listUnread: { make: things.channel },
  listMembers: { make: things.busyChannel },
  listInvites: { make: things.busyChannel },
  listBannedUsers: { make: things.busyChannel },
  listReplies: { make: things.busyChannel },
  listMessageVersions: { make: things.busyChannel },
  getChannelMessage: { make: things.busyChannel },
  listPins: { make: things.busyChannel },
  listChatbotVersions: { make: things.chatbot },
  listApiKeys: { make: things.apiKey },
  listChatbotsOfUser: { make: things.together(things.self, things.chatbot) },
  listModels: { make: things.chatbot },
  adminListConversations: { make: things.together(things.self, things.conversation) },

  getUsage: { query: pastDays, make: things.conversation },
  getUsageOfUsers: { query: pastDays, known: { user_id: leftOut, group_by: () => fc.constantFrom('day', 'model') } },

  createConversation: {
    // What is temporary is in no list, so it is not sorted into any.
    known: { temporary: () => fc.constant(false) },
  },
  listConversations: {
    // Each filter has an index of its own.
    make: things.conversation,
    known: { pinned: leftOut, project_id: leftOut, tag: leftOut },
    query: fc.oneof(
      fc.constant({}),
      fc.constant({ pinned: 'true' }),
      json({ tag: text.map((tag) => tag.slice(0, 20)) }),
      json({ project_id: ref('project') }),
    ),
  },
  createMessage: { known: { content: () => text, reply: leftOut } },
  sendChat: { known: { message: () => text } },
  updateMessage: {
    known: { content: () => text },
  },
  importConversations: {
    isLenient: true,
    bodies: {
      'application/x-ndjson': ref('export'),
      // What it is not like those of ChatGPT is left out, and named.
      'application/json': fc.array(json({ id: fc.uuid(), title: text, mapping: fc.constant({}) }), {
        minLength: 1,
        maxLength: 3,
      }),
    },
  },

  putFile: { known: { filename: () => text } },
  beginUpload: {
    headers: fc.record({
      'tus-resumable': fc.constant('1.0.0'),
      'upload-length': fc.integer({ min: 0, max: 10_000 }).map(String),
      'upload-metadata': text.map((name) => `filename ${Buffer.from(name).toString('base64')}`),
    }),
  },
  appendToUpload: {
    headers: fc.record({ 'tus-resumable': fc.constant('1.0.0'), 'upload-offset': fc.constant('0') }),
    body: fc.uint8Array({ minLength: 1, maxLength: things.UPLOAD_LENGTH }),
  },
  getFileContent: {
    headers: fc.oneof(
      fc.constant({}),
      fc.constantFrom('bytes=0-0', 'bytes=-5', 'bytes=3-', 'bytes=0-1,3-4', 'nonsense').map((range) => ({ range })),
      fc.constantFrom('*', '"none"', 'W/"x"').map((tag) => ({ 'if-none-match': tag })),
    ),
  },

  joinChannel: { make: things.asGuest(things.openChannel), foreign: things.channel },
  leaveChannel: { make: things.asGuest(things.channel) },
  searchChannels: {
    make: things.channel,
    known: { channel_id: leftOut, from: leftOut, q: () => fc.constantFrom('private', 'nobody said this') },
  },
  addMember: {
    body: fc.constantFrom<object>(
      { user_id: new Ref('newcomer') },
      { username: new Ref('newcomer_name') },
      { chatbot_id: new Ref('chatbot') },
      { handle: new Ref('handle') },
    ),
  },
  updateMember: {
    known: { role: () => fc.constantFrom('moderator', 'member') },
  },
  unbanUser: {
    make: things.after(things.channel, 'POST', ({ id, username }) => `/channels/${id}/ban-by-username/${username}`),
  },
  // The key of a request is the nonce of what it says: there is one of both.
  sendChannelMessage: { known: { content: () => text, nonce: leftOut }, needs: ['content'] },
  sendChatMessage: {
    known: { content: () => text },
    needs: ['content'],
    headers: fc.constant({}),
    make: things.channel,
  },
  editChannelMessage: { known: { content: () => text }, headers: fc.constant({}) },
  updateChannel: { headers: fc.constant({}) },
  listChannelMessages: {
    make: things.busyChannel,
    known: { before_seq: leftOut, after_seq: leftOut, around_seq: leftOut },
    query: fc.oneof(
      fc.constant({}),
      fc
        .tuple(fc.constantFrom('before_seq', 'after_seq', 'around_seq'), fc.nat(1_000))
        .map(([name, seq]) => ({ [name]: seq })),
    ),
  },
  listReactors: {
    make: things.busyChannel,
    known: { emoji: () => fc.constantFrom('👍', '❤️', '🇪🇺') },
  },
  removeReaction: { make: things.after(things.channel, 'PUT', reaction(REACTIONS)) },
  unpinMessage: { make: things.after(things.channel, 'PUT', reaction('pins/$')) },

  openSocket: { make: things.ticket, headers: upgrade, query: json({ ticket: ref('ticket') }) },
  openSocketAs: { make: things.accessToken, headers: upgrade, query: json({ token: ref('token_of_owner') }) },
  // All of them are for admins.
  listChatbots: { make: things.chatbot, known: { scope: () => fc.constant('own') } },
  createApiKey: {
    known: { scopes: leftOut, kind: () => fc.constantFrom('sk', 'pk'), allowed_origins: () => origins },
    // A `pk` without any is refused.
    needs: ['allowed_origins'],
  },
  // The built-in model sees no pictures.
  createChatCompletion: { fits: (body) => !body.includes('"image_url"') },
  listAudit: { known: { actor_id: leftOut, target_id: leftOut, action: leftOut } },
}

/** What a valid request of an operation needs. */
export function sceneOf(operation: string, template: string): Scene {
  const paths = Object.keys(OF_PATHS).filter((path) => template === path || template.startsWith(`${path}/`))
  const longest = paths.sort((a, b) => b.length - a.length)[0]
  return { ...(longest && OF_PATHS[longest]), ...OF_OPERATIONS[operation] }
}

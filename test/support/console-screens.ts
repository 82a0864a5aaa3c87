/** What is done on a screen: something is clicked, or filled in. Both are named by a selector of Playwright's. */
export type Step = string | { fill: string; with: string }

/** A state of the console that is looked at on its own. */
export type Scene = {
  /** The address; `:names` in it are those of `Ids`. */
  path: string
  steps?: Step[]
  /** The title of the dialog that is open then, or what else is on the screen. */
  dialog?: string
  shows?: string
}

/** What the demo data have, by the names that stand for them in addresses. */
export type Ids = Record<'conversation' | 'message' | 'share' | 'channel' | 'chatbot' | 'lucia' | 'nora', string>

const button = (name: string) => `role=button[name=${name.startsWith('/') ? name : `"${name}"`}]`
const CHAT = '/app/chat/:conversation'
const CHANNEL = '/app/channels/:channel'
const CHATBOT = '/app/chatbots/:chatbot'
const MINE = `article:has-text("Stages first") >> ${button('/^Actions for message/')}`
const MEMBERS = button('Members')
const LUCIA = [MEMBERS, button('Actions for Lucía Romero')]
const SETTINGS = button('Settings of the conversation')

/** Every screen and every dialog, by who sees it. A dialog of the source that is not here fails a test. */
export const SCENES: Record<string, { as?: 'nora' | 'mateo' | 'newcomer'; scenes: Scene[] }> = {
  'who is not signed in': {
    scenes: [
      { path: '/app/sign-in', shows: 'text=Sign in to Parley' },
      { path: '/app/register', shows: 'text=Make an account' },
      { path: '/app/forgot', shows: 'text=Forgot the password?' },
      { path: '/app/reset', shows: 'text=Choose a new password' },
      { path: '/app/verify', shows: 'text=Confirm your email' },
      { path: '/app/shared/:share', shows: 'text=Nobody has checked what it says' },
    ],
  },
  'who has nothing yet': {
    as: 'newcomer',
    scenes: [
      { path: '/app/chat/new', shows: 'text=No conversations' },
      { path: '/app/channels', shows: 'text=You are in no channel' },
      { path: CHANNEL, shows: 'text=You are looking in' },
      { path: '/app/chatbots', shows: 'text=No chatbot yet' },
      { path: '/app/account/usage', shows: 'text=Nothing was used yet' },
      { path: '/app/admin', shows: 'text=This is for administrators' },
      { path: '/app/nowhere', shows: 'text=There is no such page' },
    ],
  },
  'who is a member of a channel': {
    as: 'mateo',
    scenes: [
      {
        path: CHANNEL,
        steps: [button('Settings'), button('Leave the channel')],
        dialog: 'Leave harbour-festival?',
      },
    ],
  },
  'a chat': {
    as: 'nora',
    scenes: [
      { path: CHAT, shows: 'article >> nth=1' },
      { path: `${CHAT}?at=:message`, shows: 'text=up to what was found' },
      { path: CHAT, steps: [`article >> nth=0 >> ${button('Edit')}`], shows: '[aria-label="Other words"]' },
      {
        path: '/app/chat',
        steps: [{ fill: 'role=searchbox', with: 'spring' }],
        shows: 'aside mark',
      },
      { path: CHAT, steps: [SETTINGS], dialog: 'Conversation' },
      { path: CHAT, steps: [SETTINGS, button('Delete')], dialog: 'Delete this conversation?' },
      { path: '/app/chat', steps: [button('Projects')], dialog: 'Projects' },
      { path: '/app/chat', steps: [button('Projects'), button('New project')], dialog: 'Projects' },
      { path: '/app/chat', steps: [button('Projects'), button('Delete Voyages')], dialog: 'Delete Voyages?' },
    ],
  },
  'a channel': {
    as: 'nora',
    scenes: [
      { path: '/app/channels', shows: 'text=No channel is open' },
      { path: CHANNEL, shows: 'article >> nth=1' },
      { path: CHANNEL, steps: [MINE], shows: 'role=toolbar' },
      { path: CHANNEL, steps: [MINE, `role=toolbar >> ${button('Edit')}`], shows: '[name=content]' },
      { path: CHANNEL, steps: [MINE, `role=toolbar >> ${button('Delete')}`], dialog: 'Delete this message?' },
      { path: CHANNEL, steps: ['article >> text="1 reply" >> nth=0'], shows: '.panel article >> nth=1' },
      { path: CHANNEL, steps: [MEMBERS, 'text=Take somebody in'], shows: 'text=A chatbot of yours' },
      { path: CHANNEL, steps: LUCIA, shows: 'text=Mute for an hour' },
      { path: CHANNEL, steps: [...LUCIA, button('Make owner')], dialog: 'Hand the channel to Lucía Romero?' },
      { path: CHANNEL, steps: [...LUCIA, button('Take out')], dialog: 'Take Lucía Romero out?' },
      { path: CHANNEL, steps: [...LUCIA, button('Ban…')], dialog: 'Ban lucia?' },
      {
        path: CHANNEL,
        steps: [MEMBERS, button('Invitations'), button('Make an invitation')],
        shows: 'text=It is shown this once',
      },
      {
        path: CHANNEL,
        steps: [MEMBERS, button('Invitations'), `${button('Take back')} >> nth=0`],
        dialog: 'Take this invitation back?',
      },
      { path: CHANNEL, steps: [MEMBERS, button('Banned')], shows: button('Lift the ban of samir') },
      { path: CHANNEL, steps: [button('Pins')], shows: '.panel >> text=Gate by the old crane' },
      { path: CHANNEL, steps: [button('Settings')], shows: '[name=slow_mode_s]' },
      {
        path: CHANNEL,
        steps: [button('Settings'), button('Delete the channel')],
        dialog: 'Delete harbour-festival?',
      },
      { path: '/app/channels', steps: [button('Find')], dialog: 'Find a channel' },
      { path: '/app/channels', steps: [button('New')], dialog: 'Make a channel' },
      { path: '/app/channels', steps: [button('Write to somebody')], dialog: 'Write to somebody' },
      { path: '/app/channels', steps: [button('Use an invitation')], dialog: 'Use an invitation' },
    ],
  },
  'a chatbot': {
    as: 'nora',
    scenes: [
      { path: '/app/chatbots', shows: 'text=Harbour guide' },
      { path: '/app/chatbots', steps: [button('New chatbot')], dialog: 'New chatbot' },
      { path: CHATBOT, steps: [button('Add a fallback')], shows: '[name="fallbacks/0/model"]' },
      {
        path: CHATBOT,
        steps: [{ fill: '[aria-label=Message]', with: 'Hello' }, button('Send')],
        shows: 'text=written',
      },
      { path: CHATBOT, steps: [button('Delete the chatbot')], dialog: 'Delete Harbour guide?' },
      { path: `${CHATBOT}/keys`, shows: button('Rotate Website') },
      { path: `${CHATBOT}/keys`, steps: [button('New key')], dialog: 'New API key' },
      { path: `${CHATBOT}/keys`, steps: [button('Rotate Website')], dialog: 'Rotate Website' },
      { path: `${CHATBOT}/keys`, steps: [button('Revoke Website')], dialog: 'Revoke Website?' },
      {
        path: `${CHATBOT}/keys`,
        steps: [button('New key'), { fill: 'dialog [name=name]', with: 'Another' }, button('Make the key')],
        dialog: 'Your new key',
      },
      { path: `${CHATBOT}/code`, shows: 'role=tabpanel' },
      { path: `${CHATBOT}/versions`, shows: 'text=Version 1' },
    ],
  },
  'an account': {
    as: 'nora',
    scenes: [
      { path: '/app/account', shows: '[name=display_name]' },
      { path: '/app/account/usage', shows: 'role=meter >> nth=2' },
      { path: '/app/account/security', shows: 'text=This device' },
      {
        path: '/app/account/security',
        steps: [`${button('/^Sign out ./')} >> nth=0`],
        dialog: 'Sign out this device?',
      },
      { path: '/app/account/data', shows: button('/^Revoke ./') },
      { path: '/app/account/data', steps: [button('/^Revoke ./')], dialog: 'Revoke this link?' },
      { path: '/app/account/data', steps: [button('Delete my account')], dialog: 'Delete your account?' },
    ],
  },
  administration: {
    as: 'nora',
    scenes: [
      { path: '/app/admin', shows: 'figure:last-of-type canvas' },
      { path: '/app/admin/users', shows: 'tbody tr >> nth=3' },
      { path: '/app/admin/users/:lucia', shows: button('Show the chatbots') },
      {
        path: '/app/admin/users/:lucia',
        steps: [button('Make an administrator')],
        dialog: 'Make Lucía Romero an administrator?',
      },
      {
        path: '/app/admin/users/:nora',
        steps: [button('Make an ordinary user')],
        dialog: 'Make Nora Lindqvist an ordinary user?',
      },
      { path: '/app/admin/users/:lucia', steps: [button('Disable')], dialog: 'Disable Lucía Romero?' },
      { path: '/app/admin/users/:lucia', steps: [button('Delete')], dialog: 'Delete Lucía Romero?' },
      { path: '/app/admin/conversations/:conversation', shows: 'main ol > li >> nth=1' },
      { path: '/app/admin/audit', shows: 'tbody tr >> nth=0' },
      { path: '/app/admin/system', shows: 'role=rowheader[name="team"]' },
    ],
  },
}

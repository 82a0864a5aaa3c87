import type { ChannelEvent, Person } from '../../../clients/realtime/frames.ts'

export type Member = {
  user: Person
  role: 'owner' | 'moderator' | 'member'
  kind: 'user' | 'chatbot'
  muted_until: string | null
  joined_at: string
}

/** The members after an event; who comes in stands at the end. */
export function membersAfter(members: Member[], event: ChannelEvent): Member[] {
  switch (event.type) {
    case 'member.joined': {
      const { user, role, muted_until } = event.data
      if (!user || !role || members.some((member) => member.user.id === user.id)) return members
      return [...members, { user, role, kind: user.kind, muted_until, joined_at: event.ts }]
    }
    case 'member.left':
    case 'member.removed':
    case 'member.banned':
      return members.filter(({ user }) => user.id !== event.data.user?.id)
    case 'member.updated': {
      const { user, role, muted_until } = event.data
      return members.map((member) =>
        member.user.id === user?.id ? { ...member, role: role ?? member.role, muted_until } : member,
      )
    }
    default:
      return members
  }
}

/** Somebody of the demo data. Days count back from the moment at which it is written. */
export type Person = {
  username: string
  /** Without one there is only the username to sign in with. */
  email?: string
  /** Nobody has confirmed the address. */
  unconfirmed?: true
  name: string
  role?: 'admin'
  /** Of docs/runs.md; `free` without one. */
  plan?: 'pro' | 'team'
  joinedDaysAgo: number
  disabledDaysAgo?: number
}

/** The first is the administrator, who set the plans. */
export const PEOPLE: Person[] = [
  {
    username: 'nora',
    email: 'nora@demo.example',
    name: 'Nora Lindqvist',
    role: 'admin',
    plan: 'team',
    joinedDaysAgo: 29.6,
  },
  { username: 'mateo', email: 'mateo@demo.example', name: 'Mateo Ferreira', plan: 'pro', joinedDaysAgo: 28.4 },
  { username: 'aiko', email: 'aiko@demo.example', name: 'Aiko Tanaka', plan: 'pro', joinedDaysAgo: 26.2 },
  { username: 'jonas', email: 'jonas@demo.example', name: 'Jonas Weber', joinedDaysAgo: 25.7, disabledDaysAgo: 9.1 },
  { username: 'lucia', email: 'lucia@demo.example', name: 'Lucía Romero', plan: 'team', joinedDaysAgo: 24.3 },
  { username: 'samir', email: 'samir@demo.example', name: 'Samir Haddad', joinedDaysAgo: 20.8 },
  { username: 'wren', name: 'Wren Okafor', joinedDaysAgo: 15.5 },
  { username: 'priya', email: 'priya@demo.example', unconfirmed: true, name: 'Priya Raman', joinedDaysAgo: 1.3 },
]

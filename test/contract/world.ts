import { inject } from 'vitest'
import type { Judge } from './judge.ts'
import { type Answer, type Asker, bodyOf, described, type Input, queryOf, type Sent, send } from './requests.ts'

/** Somebody with an account. What is said under the `mark` is theirs alone. */
export type Person = Asker & { id: string; email: string; password: string; token: string; refreshToken: string }

export type Asked = Partial<Input> & { headers?: Record<string, string> }

/** Values of the path and ids that a body may name, by what they are called there; `by` asks in the place of the owner. */
export type Things = Record<string, string>
export type Made = { things: Things; by?: Person }
export type Maker = (world: World, input: Input) => Promise<Made>

const random = (bytes: number) => Buffer.from(crypto.getRandomValues(new Uint8Array(bytes))).toString('hex')

/** Two who have nothing to do with each other, somebody whom they may invite, and an administrator. */
export type People = { owner: Person; other: Person; guest: Person; admin: Person }

/** A few people of the server under test, and what they make there. Every answer that they get is judged. */
export class World {
  readonly people: People
  readonly judge: Judge
  #kept: Map<string, Promise<unknown>>

  constructor(people: People, judge: Judge, kept = new Map<string, Promise<unknown>>()) {
    this.people = people
    this.judge = judge
    this.#kept = kept
  }

  static async create(judge: Judge): Promise<World> {
    const empty = new World({} as People, judge)
    const [owner, other, guest] = [
      await empty.register('owner'),
      await empty.register('other'),
      await empty.register('guest'),
    ]
    return new World({ owner, other, guest, admin: await empty.signInAdmin() }, judge)
  }

  /** The same place, as the other sees it. */
  get ofOther(): World {
    const { owner, other } = this.people
    return new World({ ...this.people, owner: other, other: owner }, this.judge, this.#kept)
  }

  async ask(by: Person | undefined, method: string, path: string, asked: Asked = {}): Promise<Answer> {
    return this.send(sentBy(by, method, path, asked))
  }

  async send(sent: Sent): Promise<Answer> {
    const answer = await send(sent)
    await this.judge(sent, answer)
    return answer
  }

  /** What a request that has to succeed has made. */
  // biome-ignore lint/suspicious/noExplicitAny: bodies of every shape
  async make(path: string, value: object = {}, by = this.people.owner, method = 'POST'): Promise<any> {
    const sent = sentBy(by, method, `/api/v1${path}`, { body: { type: 'application/json', value } })
    const answer = await this.send(sent)
    if (answer.status >= 300) throw new Error(`What a test needs was refused:\n${described(sent, answer)}`)
    return answer.body
  }

  /** What was made before for the owner, by that name. */
  once<T>(name: string, make: () => Promise<T>): Promise<T> {
    const key = `${this.people.owner.id} ${name}`
    const made = (this.#kept.get(key) as Promise<T> | undefined) ?? make()
    this.#kept.set(key, made)
    return made
  }

  async register(name = 'somebody'): Promise<Person> {
    const [mark, username, password] = [`private-${random(8)}`, `u${random(8)}`, `secret-${random(12)}`]
    const email = `${mark}@example.com`
    const { user, ...tokens } = await this.make('/auth/register', { username, email, password }, undefined as never)
    return {
      name,
      id: user.id,
      username,
      email,
      password,
      mark,
      token: tokens.access_token,
      refreshToken: tokens.refresh_token,
    }
  }

  async signInAdmin(): Promise<Person> {
    const { email, password } = inject('contractAdmin')
    const { user, ...tokens } = await this.make('/auth/login', { email, password }, undefined as never)
    const { access_token: token, refresh_token: refreshToken } = tokens
    return { name: 'admin', id: user.id, username: '', email, password, mark: 'private-to-admin', token, refreshToken }
  }
}

/** A request of somebody's. It comes from a fresh address: attempts are counted by it. */
export function sentBy(
  by: Person | undefined,
  method: string,
  path: string,
  { query = {}, headers, body }: Asked,
): Sent {
  const encoded = body && bodyOf(body)
  return {
    by,
    method,
    url: `${inject('contractUrl')}${path}${queryOf(query)}`,
    headers: { ...encoded?.headers, ...(by && { authorization: `Bearer ${by.token}` }), ...headers },
    body: encoded?.body,
  }
}

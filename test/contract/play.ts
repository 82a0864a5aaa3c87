import { operationsOf } from '../support/contract.ts'
import { checkAfterwards } from './afterwards.ts'
import { type Case, idsOf } from './cases.ts'
import { hostile } from './hostile.ts'
import { isNamed, isSame, nobodys } from './refusals.ts'
import { requestFaults } from './request-faults.ts'
import { type Answer, described, pathOf, type Sent } from './requests.ts'
import { isOfAdmins, makeForeign, makeOwn, mustBeValid, prepare, prepareWith, type Stage } from './stage.ts'
import { sentBy } from './world.ts'

/** Asks in that way. @throws Error when the answer is not what it has to be */
export async function play(stage: Stage, one: Case): Promise<Answer> {
  const { answer, sent, faults } = await PLAYS[one.kind](stage, one as never)
  if (faults.length > 0) throw new Error(`${faults.join('\n')}\n${described(sent, answer)}`)
  return answer
}

type Played = { sent: Sent; answer: Answer; faults: string[] }
type Play<K extends Case['kind']> = (stage: Stage, one: Extract<Case, { kind: K }>) => Promise<Played>

const PLAYS: { [K in Case['kind']]: Play<K> } = {
  async valid(stage, { input }) {
    const { sent, by, ...prepared } = await prepare(stage, input, true)
    mustBeValid(stage, prepared.input)
    // Who signs in anew asks for nothing afterwards.
    const reader = by ?? prepared.made.by
    return ask(stage, sent, (answer) =>
      answer.status < 400 ? checkAfterwards(stage, sent, answer, reader) : ['valid, and refused'],
    )
  },

  async broken(stage, { input, pick }) {
    const { by, path, ...prepared } = await prepare(stage, input, false)
    mustBeValid(stage, prepared.input)
    const faults = requestFaults(stage.document, stage.found, prepared.input)
    // Nothing is sent that could be left out or be wrong.
    if (faults.length === 0) return PLAYS.valid(stage, { kind: 'valid', input })
    const { input: wrong, at, broken } = faults[pick % faults.length]!
    return ask(stage, sentBy(by, stage.found.method, path, wrong), (answer) => {
      if (answer.status !== 400 && answer.status !== 422) return [`${broken} at ${at}, and not refused as such`]
      return isNamed(answer, at) ? [] : [`${broken} at ${at}, which the answer does not name`]
    })
  },

  async foreign(stage, { input, pick }) {
    const { found, world } = stage
    const theirs = (await makeForeign(stage, input)).things
    const ids = idsOf(found.template)
    // What is somebody else's in a place of one's own, or all of it.
    const names = ids.length > 1 && pick % 2 === 1 ? ids.slice(-1) : ids
    const things = names === ids ? theirs : { ...(await makeOwn(stage, input)).things, [names[0]!]: theirs[names[0]!]! }
    const { sent, by, ...prepared } = await prepareWith(stage, input, { things, by: world.people.owner })
    const missing = Object.fromEntries(names.map((name) => [name, nobodys(things[name]!)]))
    return ask(stage, sent, async (answer) => {
      if (answer.status !== 404) return ['what is somebody else’s is not 404']
      const path = pathOf(found.template, { ...things, ...missing })
      const other = await world.send(sentBy(by, found.method, path, prepared.input))
      return isSame(answer, other) ? [] : [`what is not there is answered otherwise: ${other.status} ${other.text}`]
    })
  },

  async missing(stage, { input, pick, value }) {
    const ids = idsOf(stage.found.template)
    const { things, by } = await makeOwn(stage, input)
    const { sent } = await prepareWith(stage, input, { things: { ...things, [ids[pick % ids.length]!]: value }, by })
    return ask(stage, sent, ({ status }) => (status === 404 ? [] : ['what is not there is not 404']))
  },

  async anonymous(stage, { input, credential }) {
    const { sent } = await prepare(stage, input, false)
    const { authorization: _, ...headers } = sent.headers
    const given = { ...headers, ...(credential && { authorization: credential }) }
    // That it opens nothing of the administration is told before it is looked for.
    const isKey = credential?.includes('parley_') && isOfAdmins(stage.found)
    return ask(stage, { ...sent, by: undefined, headers: given }, ({ status }) =>
      status === (isKey ? 403 : 401) ? [] : ['neither 401 nor 403 without a credential'],
    )
  },

  async lesser(stage, { input }) {
    const { path, ...prepared } = await prepare(stage, input, false)
    const sent = sentBy(stage.world.people.owner, stage.found.method, path, prepared.input)
    return ask(stage, sent, ({ status }) => (status === 403 ? [] : ['not 403 for who is no administrator']))
  },

  async hostile(stage, one) {
    const prepared = await prepare(stage, one.input, true)
    return ask(stage, hostile(stage, one, prepared), () => [])
  },

  async method(stage, { input, pick }) {
    const { sent, path } = await prepare(stage, input, false)
    const declared = operationsOf(stage.document).filter(({ template }) => fits(template, path))
    const methods = [...new Set(declared.map(({ method }) => method))]
    if (methods.includes('GET')) methods.push('HEAD')
    const others = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'].filter((method) => !methods.includes(method))
    const { authorization } = sent.headers
    const headers: Record<string, string> = authorization ? { authorization } : {}
    return ask(stage, { ...sent, method: others[pick % others.length]!, headers, body: undefined }, (answer) => {
      const told = answer.headers.get('allow')?.split(', ').sort().join()
      return answer.status === 405 && told === methods.sort().join() ? [] : [`not 405 with Allow: ${methods}`]
    })
  },

  async head(stage, { input }) {
    const { sent } = await prepare(stage, input, false)
    return ask(stage, { ...sent, method: 'HEAD' }, ({ status, text }) =>
      status < 400 && text === '' ? [] : ['HEAD is not GET without a body'],
    )
  },
}

async function ask(
  { world }: Stage,
  sent: Sent,
  judge: (answer: Answer) => string[] | Promise<string[]>,
): Promise<Played> {
  const answer = await world.send(sent)
  return { sent, answer, faults: await judge(answer) }
}

const fits = (template: string, path: string) => new RegExp(`^${template.replaceAll(/\{\w+\}/g, '[^/]+')}$`).test(path)

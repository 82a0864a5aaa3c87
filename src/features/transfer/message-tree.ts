/** A place in a tree as a file has it. Without a `message` it is only on the way to others. */
export type Node<Message> = { id: string; parentId: string | null; message: Message | undefined }

/** A message with its place among those that are kept; `depth` counts from 1 at the root. */
export type Placed<Message> = { id: string; parentId: string | null; depth: number; message: Message }

type Anchor = { id: string | null; depth: number }

/**
 * Puts what was said before what was said after it. What has no message is left out, and what follows it follows the
 * message before. What leads to no root, as its way is broken or a circle, is lost. `anchorOf` gives the message at or
 * before a place.
 */
export function arrange<Message>(nodes: Map<string, Node<Message>>) {
  const anchors = new Map<string, Anchor | 'lost'>()
  const placed: Placed<Message>[] = []
  const lost: Node<Message>[] = []
  for (const node of nodes.values()) {
    const { way, from } = wayUp(node, nodes, anchors)
    let anchor = from
    for (const each of way.reverse()) {
      if (anchor !== 'lost' && each.message) {
        placed.push({ id: each.id, parentId: anchor.id, depth: anchor.depth + 1, message: each.message })
        anchor = { id: each.id, depth: anchor.depth + 1 }
      }
      if (anchor === 'lost' && each.message) lost.push(each)
      anchors.set(each.id, anchor)
    }
  }
  const anchorOf = (id: string | null): string | null => {
    const anchor = id === null ? undefined : anchors.get(id)
    return anchor === undefined || anchor === 'lost' ? null : anchor.id
  }
  return { placed, lost, anchorOf }
}

/** The places from one up to where it is known how it goes on. */
function wayUp<M>(start: Node<M>, nodes: Map<string, Node<M>>, anchors: Map<string, Anchor | 'lost'>) {
  const way: Node<M>[] = []
  const passed = new Set<string>()
  let at: Node<M> | undefined = start
  for (; at && !anchors.has(at.id) && !passed.has(at.id); at = nodes.get(at.parentId!)) {
    way.push(at)
    passed.add(at.id)
    if (at.parentId === null) return { way, from: { id: null, depth: 0 } as Anchor | 'lost' }
  }
  return { way, from: (at && anchors.get(at.id)) ?? ('lost' as const) }
}

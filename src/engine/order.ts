/** A step id and, by the step it needs, where the recipe says so. */
export type Edges<T> = ReadonlyMap<string, ReadonlyMap<string, T>>;

/** Topological; among the steps that are ready, the recipe's order. Steps in or behind a cycle are left out. */
export function topologicalOrder(edges: Edges<unknown>): string[] {
  const ids = [...edges.keys()];
  const index = new Map(ids.map((id, i) => [id, i]));
  const users = new Map<string, string[]>(ids.map((id) => [id, []]));
  const waiting = new Map<string, number>();
  for (const [id, needs] of edges) {
    waiting.set(id, needs.size);
    for (const need of needs.keys()) users.get(need)?.push(id);
  }
  const rank = (id: string): number => index.get(id) as number;
  // Done up to `i`, ready behind it.
  const order = ids.filter((id) => waiting.get(id) === 0);
  for (let i = 0; i < order.length; i++) {
    for (const user of users.get(order[i] as string) ?? []) {
      const left = (waiting.get(user) as number) - 1;
      waiting.set(user, left);
      if (left > 0) continue;
      let at = order.length;
      while (at > i + 1 && rank(order[at - 1] as string) > rank(user)) at--;
      order.splice(at, 0, user);
    }
  }
  return order;
}

/**
 * Cycles that share no step, each once, as the ids along it: `[a, b, c]` if a needs b, b needs c and c needs a. It
 * begins with its first step in the recipe's order and is as short as one through that step can be.
 */
export function findCycles(edges: Edges<unknown>): string[][] {
  const ordered = new Set(topologicalOrder(edges));
  const left = new Set([...edges.keys()].filter((id) => !ordered.has(id)));
  const cycles: string[][] = [];
  for (const id of left) {
    const cycle = shortestCycle(id, edges, left);
    if (!cycle) continue;
    cycles.push(cycle);
    for (const member of cycle) left.delete(member);
  }
  return cycles;
}

/** Breadth-first from a step along its needs, until it is met again. */
function shortestCycle(start: string, edges: Edges<unknown>, among: ReadonlySet<string>): string[] | undefined {
  const from = new Map<string, string>();
  const queue = [start];
  for (const id of queue) {
    for (const need of edges.get(id)?.keys() ?? []) {
      if (need === start) {
        const path = [id];
        while (path[0] !== start) path.unshift(from.get(path[0] as string) as string);
        return path;
      }
      if (from.has(need) || !among.has(need)) continue;
      from.set(need, id);
      queue.push(need);
    }
  }
  return undefined;
}

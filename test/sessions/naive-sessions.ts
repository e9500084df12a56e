import type { Trace } from "../../lib/trace/index.js";

/** What the naive inference finds for one record. */
export interface NaiveEdge {
  parent: number;
  kind: string;
  shared: number;
  trunk: number;
  rivals: number;
}

interface Request {
  readonly index: number;
  readonly prompt: readonly number[];
  readonly chain: readonly number[];
  readonly arrival: number;
  readonly end: number;
  readonly promptTokens: number;
  readonly outputTokens: number;
}

/**
 * The session rule, spelled out over pairs of requests with their chains as lists: no tree, no shared state, every
 * common prefix counted anew. Quadratic and worse.
 */
export function naiveSessions(
  trace: Trace,
  settings: { tailBlocks: number; answerShare: number; trunkBranches: number; trunkFanOut: number },
): NaiveEdge[] {
  const blockSize = trace.meta.blockSize ?? 16;
  const requests = trace.records.map((record, index): Request => {
    const prompt = Array.from(record.blockIds ?? []);
    const arrival = record.arrivalMs as number;
    const decode = record.itlSummary ? record.itlSummary.meanMs * record.itlSummary.count : 0;
    return {
      index,
      prompt,
      chain: prompt.concat(Array.from(record.outputBlockIds ?? [])),
      arrival,
      end: arrival + (record.ttftMs === undefined ? 0 : record.ttftMs + decode),
      promptTokens: record.promptTokens,
      outputTokens: record.outputTokens,
    };
  });
  const byArrival = [...requests].sort(
    (a, b) =>
      a.arrival - b.arrival ||
      a.promptTokens - b.promptTokens ||
      a.outputTokens - b.outputTokens ||
      a.end - b.end ||
      a.prompt.length - b.prompt.length ||
      a.index - b.index,
  );
  const before = (c: Request) => byArrival.filter((r) => r.arrival < c.arrival);
  const depthOf = (c: Request) => Math.max(0, ...before(c).map((r) => common(r.chain, c.prompt)));
  const grows = (p: Request, c: Request, share: number) =>
    c.promptTokens - p.promptTokens >= Math.max(1, share * p.outputTokens);
  const isOver = (p: Request, c: Request) => p.end <= c.arrival + 0.1;
  const fits = (p: Request, c: Request) => isOver(p, c) && grows(p, c, settings.answerShare);
  const path = (c: Request, depth: number) => c.prompt.slice(0, depth).join("/");
  const through = (c: Request, depth: number) => before(c).filter((r) => common(r.chain, c.prompt) >= depth);
  const endingAt = (c: Request, depth: number) => through(c, depth).filter((r) => r.prompt.length === depth);

  // Trunks, by fan-out first.
  const next = new Map<string, Set<number>>();
  for (const r of requests)
    for (let d = 1; d < r.chain.length; d++) {
      const key = r.chain.slice(0, d).join("/");
      next.set(key, (next.get(key) ?? new Set()).add(r.chain[d] as number));
    }
  const trunks = new Set<string>();
  const isTrunk = (key: string) => [...trunks].some((t) => t === key || t.startsWith(`${key}/`));
  for (const [key, ids] of next) if (ids.size >= settings.trunkFanOut) trunks.add(key);
  // Then by root-like openings.
  const openings = new Map<string, number>();
  for (const c of byArrival) {
    const depth = depthOf(c);
    const key = path(c, depth);
    if (depth === 0 || depth === c.prompt.length || isTrunk(key)) continue;
    const ended = byDepth(c, depth, 0, (d) => !isTrunk(path(c, d)) && endingAt(c, d).some((p) => fits(p, c)));
    if (ended > 0) {
      const reaches = (p: Request, d: number) => d + Math.ceil(p.outputTokens / blockSize) + 2 >= depth;
      if (
        reaches(
          endingAt(c, ended)
            .filter((p) => fits(p, c))
            .at(-1) as Request,
          ended,
        )
      )
        continue;
      const followsTail = byDepth(c, depth, ended, (d) => {
        const near = through(c, d)
          .filter((p) => p.prompt.length > d && p.prompt.length - d <= settings.tailBlocks)
          .at(-1);
        return near !== undefined && isOver(near, c) && grows(near, c, 1) && reaches(near, d);
      });
      if (followsTail > 0) continue;
    }
    openings.set(key, (openings.get(key) ?? 0) + 1);
  }
  for (const [key, count] of openings) if (count >= settings.trunkBranches - 1) trunks.add(key);

  const edges: NaiveEdge[] = requests.map(() => ({
    parent: -1,
    kind: "root",
    shared: 0,
    trunk: 0,
    rivals: 0,
  }));
  for (const c of byArrival) {
    const depth = depthOf(c);
    let trunk = 0;
    while (trunk < c.prompt.length && isTrunk(path(c, trunk + 1))) trunk++;
    edges[c.index] = { ...choose(c, depth, trunk), trunk };
  }
  return edges;

  function choose(c: Request, depth: number, trunk: number): Omit<NaiveEdge, "trunk"> {
    const none = { parent: -1, kind: "root", shared: depth, rivals: 0 };
    if (depth <= trunk) return none;
    const here = endingAt(c, depth).filter((p) => continues(p, c));
    if (here.length > 0)
      return { parent: here.at(-1)!.index, kind: "prefix", shared: depth, rivals: strangers(here) };
    const latest = through(c, depth).at(-1) as Request;
    if (latest.prompt.length < depth && fits(latest, c))
      return { parent: latest.index, kind: "answer", shared: depth, rivals: 1 };
    const contained = byDepth(c, depth - 1, trunk, (d) => endingAt(c, d).some((p) => continues(p, c)));
    const lost = latest.prompt.length - depth;
    const rest = latest.chain.slice(0, depth + 1);
    const abandoned = requests.every(
      (r) =>
        r === latest || common(r.chain, rest) <= depth || byArrival.indexOf(r) < byArrival.indexOf(latest),
    );
    if (
      depth < c.prompt.length &&
      latest.prompt.length > depth &&
      isOver(latest, c) &&
      abandoned &&
      (contained > trunk
        ? depth < edges[latest.index]!.shared || grows(latest, c, settings.answerShare)
        : (grows(latest, c, 1) && lost <= Math.max(1, 0.1 * (latest.prompt.length - trunk))) ||
          (trunk > 0 &&
            edges[latest.index]!.parent >= 0 &&
            depth - trunk >= 0.5 * (rootOf(latest).prompt.length - trunk)))
    )
      return { parent: latest.index, kind: kindOf(latest, depth), shared: depth, rivals: 1 };
    const sibling = edges[latest.index] as NaiveEdge;
    const elder = requests[sibling.parent];
    if (elder && fits(elder, c) && sibling.shared <= depth && sibling.shared > Math.max(trunk, contained))
      return { parent: elder.index, kind: kindOf(elder, sibling.shared), shared: sibling.shared, rivals: 1 };
    if (contained <= trunk) return none;
    const found = endingAt(c, contained).filter((p) => continues(p, c));
    return { parent: found.at(-1)!.index, kind: "prefix", shared: contained, rivals: strangers(found) };
  }

  function rootOf(r: Request): Request {
    const up = edges[r.index]!.parent;
    return up < 0 ? r : rootOf(requests[up] as Request);
  }

  /** Of requests with equal chains, the last one and those that it does not descend from. */
  function strangers(group: readonly Request[]): number {
    const ancestors = new Set<number>();
    for (let a = edges[group.at(-1)!.index]!.parent; a >= 0; a = edges[a]!.parent) ancestors.add(a);
    return group.filter((r) => !ancestors.has(r.index)).length;
  }

  function continues(p: Request, c: Request): boolean {
    if (!fits(p, c)) return false;
    const hasAnswer = p.chain.length > p.prompt.length;
    if (c.prompt.length === p.prompt.length) return !hasAnswer && grows(p, c, 1);
    const others = (next.get(p.prompt.join("/"))?.size ?? 0) - (hasAnswer ? 1 : 0);
    return others < 2 || grows(p, c, 1);
  }

  function kindOf(parent: Request, shared: number): string {
    const missing = parent.prompt.length - shared;
    if (missing < 0) return "answer";
    if (missing === 0) return "prefix";
    return missing <= settings.tailBlocks ? "tail-edit" : "edit";
  }

  function byDepth(_: Request, from: number, above: number, holds: (depth: number) => boolean): number {
    for (let d = from; d > above; d--) if (holds(d)) return d;
    return 0;
  }
}

function common(a: readonly number[], b: readonly number[]): number {
  let n = 0;
  while (n < a.length && n < b.length && a[n] === b[n]) n++;
  return n;
}

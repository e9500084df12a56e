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
  readonly failed: boolean;
  readonly tail: number | undefined;
}

/** What the naive inference finds in a trace. */
export interface NaiveSessions {
  readonly edges: NaiveEdge[];
  readonly overlapShare: number;
}

/**
 * The session rule, spelled out over pairs of requests with their chains as lists: no tree, no shared state, every
 * common prefix counted anew. Quadratic and worse.
 */
export function naiveSessions(
  trace: Trace,
  settings: { tailBlocks: number; answerShare: number; trunkBranches: number; trunkFanOut: number },
): NaiveSessions {
  const blockSize = trace.meta.blockSize ?? 16;
  const requests = trace.records.map((record, index): Request => {
    const prompt = Array.from(record.blockIds ?? []);
    const arrival = record.arrivalMs as number;
    const decode = record.itlSummary ? record.itlSummary.meanMs * record.itlSummary.count : 0;
    const whole = ["stop", "length"].includes(record.finishReason ?? "stop");
    const latency =
      record.ttftMs === undefined || !whole
        ? (record.elapsedMs ?? record.ttftMs ?? 0)
        : record.ttftMs + decode;
    return {
      index,
      prompt,
      chain: prompt.concat(Array.from(record.outputBlockIds ?? [])),
      arrival,
      end: arrival + latency,
      promptTokens: record.promptTokens,
      outputTokens: record.outputTokens,
      failed: !whole,
      tail: record.tailBlockId,
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
  const before = (c: Request) => byArrival.slice(0, byArrival.indexOf(c));
  const depthOf = (c: Request) => Math.max(0, ...before(c).map((r) => common(r.chain, c.prompt)));
  const longer = (p: Request, c: Request) => c.promptTokens > p.promptTokens;
  const holdsAnswer = (p: Request, c: Request) =>
    longer(p, c) && c.promptTokens >= p.promptTokens + p.outputTokens;
  const path = (c: Request, depth: number) => c.prompt.slice(0, depth).join("/");
  const through = (c: Request, depth: number) => before(c).filter((r) => common(r.chain, c.prompt) >= depth);
  const endingAt = (c: Request, depth: number) => through(c, depth).filter((r) => r.prompt.length === depth);

  const overlapShare = toleratedShare();
  const isOver = (p: Request, c: Request) =>
    p.end - Math.max(0.1, overlapShare * (p.end - p.arrival)) <= c.arrival;
  const fits = (p: Request, c: Request) =>
    isOver(p, c) && longer(p, c) && c.promptTokens - p.promptTokens >= settings.answerShare * p.outputTokens;

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
      const reaches = (p: Request, d: number) => d + reach(p) >= depth;
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
        return near !== undefined && isOver(near, c) && holdsAnswer(near, c) && reaches(near, d);
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
  return { edges, overlapShare };

  function reach(p: Request): number {
    return Math.ceil(p.outputTokens / blockSize) + 2;
  }

  /** Whether a request chosen so far has this one as parent. */
  function isContinued(p: Request, by: Request): boolean {
    return before(by).some((r) => edges[r.index]!.parent === p.index);
  }

  /** Answered ones first, then those that nothing continues, then the latest. */
  function best(group: readonly Request[], c: Request): Request {
    const groups = [
      group.filter((p) => !p.failed && !isContinued(p, c)),
      group.filter((p) => !p.failed),
      group.filter((p) => !isContinued(p, c)),
      group,
    ];
    return groups.find((some) => some.length > 0)!.at(-1) as Request;
  }

  function choose(c: Request, depth: number, trunk: number): Omit<NaiveEdge, "trunk"> {
    const none = { parent: -1, kind: "root", shared: depth, rivals: 0 };
    if (depth <= trunk) return none;
    if (c.prompt.length === depth) {
      const failed = endingAt(c, depth).filter(
        (p) => p.failed && p.promptTokens === c.promptTokens && p.tail === c.tail,
      );
      if (failed.length > 0)
        return { parent: best(failed, c).index, kind: "retry", shared: depth, rivals: 1 };
    }
    const here = endingAt(c, depth).filter((p) => continues(p, c));
    if (here.length > 0) {
      const parent = best(here, c);
      return { parent: parent.index, kind: "prefix", shared: depth, rivals: strangers(here, parent) };
    }
    const latest = through(c, depth).at(-1) as Request;
    if (latest.prompt.length < depth && fits(latest, c))
      return { parent: latest.index, kind: "answer", shared: depth, rivals: 1 };
    const contained = byDepth(c, depth - 1, trunk, (d) => endingAt(c, d).some((p) => continues(p, c)));
    const group = endingAt(c, contained).filter((p) => continues(p, c));
    const whole = contained > trunk ? best(group, c) : undefined;
    const edited = isEdit(c, latest, depth, trunk, whole);
    if (edited && (!whole || isContinued(whole, c)))
      return { parent: latest.index, kind: kindOf(latest, depth), shared: depth, rivals: whole ? 2 : 1 };
    const sibling = edges[latest.index] as NaiveEdge;
    const elder = requests[sibling.parent];
    if (elder && fits(elder, c) && sibling.shared <= depth && sibling.shared > Math.max(trunk, contained))
      return {
        parent: elder.index,
        kind: kindOf(elder, sibling.shared),
        shared: sibling.shared,
        rivals: whole ? 2 : 1,
      };
    if (!whole) return none;
    const rivals = strangers(group, whole) + (edited ? 1 : 0);
    return { parent: whole.index, kind: "prefix", shared: contained, rivals };
  }

  /** Whether `c` rewrites what `former` had from `depth` on. */
  function isEdit(
    c: Request,
    former: Request,
    depth: number,
    trunk: number,
    whole: Request | undefined,
  ): boolean {
    const lost = former.prompt.length - depth;
    if (lost <= 0 || depth >= c.prompt.length || !isOver(former, c)) return false;
    const rest = former.chain.slice(0, depth + 1);
    const goesOn = byArrival.slice(byArrival.indexOf(former) + 1).some((r) => common(r.chain, rest) > depth);
    if (goesOn) return false;
    if (whole) {
      const waysOn = next.get(c.prompt.slice(0, depth).join("/"))!.size;
      if (waysOn > 2 || !longer(former, c)) return false;
      if (lost <= settings.tailBlocks) return true;
      // Of what the former version had beyond the earlier turn and its answer, half is kept.
      const from = whole.prompt.length + reach(whole);
      return depth - from >= 0.5 * (former.prompt.length - from);
    }
    const own = former.prompt.length - trunk;
    if (holdsAnswer(former, c) && lost <= Math.max(1, 0.1 * own)) return true;
    return (
      trunk > 0 &&
      edges[former.index]!.parent >= 0 &&
      depth - trunk >= 0.5 * (rootOf(former).prompt.length - trunk) &&
      holdsAnswer(rootOf(former), c)
    );
  }

  function rootOf(r: Request): Request {
    const up = edges[r.index]!.parent;
    return up < 0 ? r : rootOf(requests[up] as Request);
  }

  /** Of requests with equal chains, those that did not fail and that are no relatives of the chosen one over equal chains, and it. */
  function strangers(group: readonly Request[], chosen: Request): number {
    const related = (a: Request, b: Request): boolean => {
      const up = requests[edges[a.index]!.parent];
      if (!up) return false;
      return up === b || (up.prompt.length === a.prompt.length && related(up, b));
    };
    const others = group.filter(
      (r) => r !== chosen && !r.failed && !related(r, chosen) && !related(chosen, r),
    );
    return 1 + others.length;
  }

  function continues(p: Request, c: Request): boolean {
    if (!fits(p, c)) return false;
    const hasAnswer = p.chain.length > p.prompt.length;
    if (c.prompt.length === p.prompt.length) return !hasAnswer && holdsAnswer(p, c);
    const others = (next.get(p.prompt.join("/"))?.size ?? 0) - (hasAnswer ? 1 : 0);
    return others < 2 || holdsAnswer(p, c);
  }

  /** Bands of overlap that hold more than three times what evenly spread overlaps would put there, from the smallest. */
  function toleratedShare(): number {
    if (!requests.some((r) => r.end > r.arrival)) return 0;
    const overlaps = byArrival.flatMap((c) => {
      const whole = before(c).filter(
        (p) => p.prompt.length > 0 && common(p.prompt, c.prompt) === p.prompt.length,
      );
      const deepest = Math.max(0, ...whole.map((p) => p.prompt.length));
      const p = whole.filter((r) => r.prompt.length === deepest).at(-1);
      if (!p || p.promptTokens >= c.promptTokens || p.end <= c.arrival) return [];
      return [{ overlap: p.end - c.arrival, duration: p.end - p.arrival }];
    });
    const within = (share: number) => overlaps.filter((o) => o.overlap <= share * o.duration).length;
    const evenly = (overlaps.length - within(0.1)) / 0.9;
    let tolerated = 0;
    let last = 0;
    for (const share of [0.01, 0.02, 0.05, 0.1]) {
      const band = within(share) - within(last);
      last = share;
      if (band === 0) continue;
      if (band <= 3 * evenly * (share - tolerated)) break;
      tolerated = share;
    }
    return tolerated;
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

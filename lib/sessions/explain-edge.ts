import { EDGE_KINDS, type Sessions } from "./sessions.js";

/**
 * One sentence that says why a record has the parent it has, or why it has none.
 * @example
 * ```ts
 * import { explainEdge, inferSessions, readCapture } from "prefixlab";
 * const trace = await readCapture({ role: "judge", scenario: "warm", seed: 1 });
 * explainEdge(inferSessions(trace), 1).slice(0, 68); // → "holds the 83 prompt blocks of 0 and goes on with its recorded answer"
 * ```
 */
export function explainEdge(sessions: Sessions, record: number): string {
  const { evidence } = sessions;
  const parent = sessions.parent[record];
  const shared = evidence.sharedBlocks[record];
  const trunk = evidence.trunkBlocks[record];
  if (parent < 0) return explainRoot(shared, trunk);
  const kind = EDGE_KINDS[evidence.kind[record]];
  if (kind === "spawn")
    return `a sub-agent that began just after ${parent} ended, as its kind do, and shares nothing with it`;
  if (kind === "restart")
    return `begins a context afresh while the agent above waits; ${parent} was the sub-agent's last before`;
  const own = evidence.parentBlocks[record];
  const past = trunk > 0 ? `, ${shared - trunk} of them past a shared trunk of ${trunk}` : "";
  const others = evidence.competingParents[record] - 1;
  const rivals = others > 0 ? `; ${others} other request${others > 1 ? "s fit" : " fits"} as well` : "";
  const fork = evidence.fork[record] === 1 ? "; a fork: the parent had a child before" : "";
  const what = {
    root: "",
    spawn: "",
    restart: "",
    retry: `is the prompt of ${parent} once more, which failed (${shared} blocks shared`,
    answer: `holds the ${own} prompt blocks of ${parent} and goes on with its recorded answer (${shared} blocks shared`,
    prefix: `holds all ${own} prompt blocks of ${parent} and is longer (${shared} blocks shared`,
    "tail-edit": `holds all but the last ${own - shared} of the ${own} prompt blocks of ${parent} (${shared} blocks shared`,
    edit: `rewrites the history of ${parent}, which never goes on, from block ${shared} of ${own} (${shared} blocks shared`,
  }[kind ?? "root"];
  return `${what}${past})${rivals}${fork}`;
}

function explainRoot(shared: number, trunk: number): string {
  if (shared === 0) return "shares no full block with an earlier request";
  if (shared <= trunk)
    return `shares ${shared} blocks with earlier requests, all within a trunk that many share`;
  return `shares ${shared} blocks with earlier requests${trunk > 0 ? `, ${trunk} of them a trunk` : ""}, yet none that was over fits as parent: no answer is continued`;
}

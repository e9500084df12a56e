import { requireInteger, type Tokens } from "../base/index.js";
import { blockAccesses, tokenShare } from "../replay/index.js";
import { partOfWorkload, type Workload, waitsOf } from "../sessions/index.js";

/** What a smaller context window leaves of a trace. */
export interface ContextCut {
  readonly contextCapTokens: Tokens;
  /** Requests that do not fit the window themselves, and those left out with them. */
  readonly tooLong: number;
  readonly afterThem: number;
  /** Sessions that end early, and sessions of which nothing is left. */
  readonly shortened: number;
  readonly gone: number;
  /** Share of the prompt tokens that an earlier request held, answers counted: the hit rate of a cache without bound. */
  readonly ceiling: { readonly before: number; readonly after: number };
  /** Of the whole trace. */
  readonly requests: number;
  readonly sessions: number;
}

/**
 * A trace as a server with a smaller context window would see it. A request whose prompt and answer are longer than the
 * window (vLLM's `max_model_len` counts both) is refused there, so that its agent's run ends before it: left out are the
 * request, the turns and retries after it, and the sub-agents that these start. Whoever joins it goes on without it, as
 * clients do where a sub-agent fails. A client that would rather have shortened its history is not imitated: how is not
 * in the trace. What is left of a session is what was recorded.
 * @throws InputError when the window is no positive integer
 * @example
 * ```ts
 * import { readCapture, workloadOf } from "prefixlab";
 * import { capContext } from "prefixlab/sample";
 * const trace = await readCapture({ role: "judge", scenario: "warm", seed: 1 });
 * const { workload, cut } = capContext(workloadOf(trace), 1800);
 * [workload.trace.records.length, cut.tooLong, cut.afterThem, cut.shortened]; // → [192, 128, 0, 64]
 * ```
 */
export function capContext(
  workload: Workload,
  contextCapTokens: Tokens,
): { readonly workload: Workload; readonly cut: ContextCut } {
  requireInteger("capContext", "contextCapTokens", contextCapTokens, 1);
  const { trace, sessions } = workload;
  const { records } = trace;
  const isOut = Uint8Array.from(records, ({ promptTokens, outputTokens }) =>
    promptTokens + outputTokens > contextCapTokens ? 1 : 0,
  );
  const tooLong = sum(isOut);
  // Parents mostly come first, so that one pass finds all but a few.
  for (let found = true; found; ) {
    found = false;
    for (let i = 0; i < isOut.length; i++) {
      const [first] = isOut[i] === 1 ? [] : waitsOf(sessions, i);
      if (!first || first.kind === "join" || isOut[first.parent] === 0) continue;
      isOut[i] = 1;
      found = true;
    }
  }
  const kept = Int32Array.from(records.keys()).filter((i) => isOut[i] === 0);
  const stay = new Set(Array.from(kept, (i) => sessions.session[i]));
  const touched = new Set(sessions.session.filter((_, i) => isOut[i] === 1));
  const gone = [...touched].filter((session) => !stay.has(session)).length;
  const left = partOfWorkload(workload, kept);
  return {
    workload: left,
    cut: {
      contextCapTokens,
      tooLong,
      afterThem: sum(isOut) - tooLong,
      shortened: touched.size - gone,
      gone,
      ceiling: { before: ceilingOf(workload), after: ceilingOf(left) },
      requests: records.length,
      sessions: stay.size + gone,
    },
  };
}

function ceilingOf(workload: Workload): number {
  const asked = blockAccesses(workload);
  const isKnown = new Uint8Array(asked.contentCount);
  let hits = 0;
  for (const { contentIds, promptBlocks } of asked.accesses) {
    for (let i = 0; i < promptBlocks; i++) hits += isKnown[contentIds[i]];
    for (const id of contentIds) isKnown[id] = 1;
  }
  return tokenShare(hits, asked);
}

function sum(flags: Uint8Array): number {
  return flags.reduce((total, flag) => total + flag, 0);
}

import type { SessionLabels, Workload } from "../sessions/index.js";
import { type CohortSummary, summarizeCohort } from "./cohorts.js";

/** Requests by the agent that sent them: a session's main agent, or one that another agent started. */
export type AgentRole = "main" | "subAgent";

/** Turns of equal depth: "1", "2-3", "4-7", ...: each band is twice as wide as the one before. */
export interface TurnBand {
  readonly fromTurn: number;
  readonly toTurn: number;
  readonly summary: CohortSummary;
}

/**
 * Indices of the records that agents of a role sent.
 * @example
 * ```ts
 * import { roleIndices } from "prefixlab/cohorts";
 * const labels = { parent: Int32Array.of(-1, 0), turn: Int32Array.of(1, 1), session: Int32Array.of(0, 0) };
 * roleIndices({ ...labels, agentDepth: Uint8Array.of(0, 1) }, "subAgent"); // → [1]
 * ```
 */
export function roleIndices({ turn, agentDepth }: SessionLabels, role: AgentRole): number[] {
  return Array.from(turn.keys()).filter((i) => (role === "main") === ((agentDepth?.[i] ?? 0) === 0));
}

/**
 * Summaries by the agents' role; see `summarizeCohort`.
 * @example
 * ```ts
 * import { readCapture, workloadOf } from "prefixlab";
 * import { summarizeRoles } from "prefixlab/cohorts";
 * const { main, subAgent } = summarizeRoles(workloadOf(await readCapture({ role: "judge", scenario: "warm", seed: 1 })));
 * [main.n, subAgent.n]; // → [320, 0]
 * ```
 */
export function summarizeRoles({ trace, sessions }: Workload): Record<AgentRole, CohortSummary> {
  const of = (role: AgentRole) => summarizeCohort(roleIndices(sessions, role).map((i) => trace.records[i]));
  return { main: of("main"), subAgent: of("subAgent") };
}

/**
 * Summaries by how deep a turn stands in its agent's conversation, in bands that double: 1, 2-3, 4-7 and so on.
 * @example
 * ```ts
 * import { readCapture, workloadOf } from "prefixlab";
 * import { summarizeDepths } from "prefixlab/cohorts";
 * const bands = summarizeDepths(workloadOf(await readCapture({ role: "judge", scenario: "warm", seed: 1 })));
 * bands.map(({ fromTurn, toTurn, summary }) => [fromTurn, toTurn, summary.n]); // → [[1, 1, 64], [2, 3, 128], [4, 7, 128]]
 * ```
 */
export function summarizeDepths({ trace, sessions }: Workload): TurnBand[] {
  const deepest = sessions.turn.reduce((most, turn) => Math.max(most, turn), 0);
  const bands: TurnBand[] = [];
  for (let fromTurn = 1; fromTurn <= deepest; fromTurn *= 2) {
    const toTurn = 2 * fromTurn - 1;
    const records = trace.records.filter((_, i) => {
      const turn = sessions.turn[i];
      return turn >= fromTurn && turn <= toTurn;
    });
    bands.push({ fromTurn, toTurn, summary: summarizeCohort(records) });
  }
  return bands;
}

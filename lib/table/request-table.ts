import { PARENT_KINDS, type Workload, waitsOf } from "../sessions/index.js";
import { type RequestColumnName, requestColumns, requestFields } from "./request-columns.js";
import { Table } from "./table.js";
import type { ColumnType, TableRow } from "./table-column.js";

/** Columns about sub-agents, which a table of requests in memory has besides. */
export type AgentColumnName = "follows" | "agent_depth" | "joins";

/**
 * The requests of a workload as a table, one row each in their order: the columns of `prefixlab sql`, and three about sub-agents:
 * `follows` says how a request follows its parent (turn, spawn, join, retry; missing without a parent), `agent_depth` how many
 * agents are above the one that sent it, `joins` how many sub-agents it waits for. A replay is a workload too: its rows have the `request` of the rows that it replays.
 * @example
 * ```ts
 * import { readCapture, requestTable, workloadOf } from "prefixlab";
 * const requests = requestTable(workloadOf(await readCapture({ role: "judge", scenario: "warm", seed: 1 })));
 * const { turn, prompt_tokens, ttft_ms } = requests.rows[1];
 * [turn, prompt_tokens, ttft_ms]; // → [2, 1480, 49.68]
 * ```
 */
export function requestTable({ trace, sessions }: Workload): Table<RequestColumnName | AgentColumnName> {
  const columns = requestColumns.map(({ name, type }) => ({ name, type: tableType(type) }));
  const agents = [
    { name: "follows", type: "VARCHAR" },
    { name: "agent_depth", type: "BIGINT" },
    { name: "joins", type: "BIGINT" },
  ] as const;
  const rows = trace.records.map((record, index) => {
    const parent = sessions.parent[index];
    const place = { index, parent, turn: sessions.turn[index], session: sessions.session[index] };
    const value = requestFields(record);
    return {
      ...Object.fromEntries(requestColumns.map(({ name, read }) => [name, read({ ...place, value })])),
      follows: parent < 0 ? undefined : PARENT_KINDS[sessions.link?.[index] ?? 0],
      agent_depth: sessions.agentDepth?.[index] ?? 0,
      joins: waitsOf(sessions, index).filter(({ kind }) => kind === "join").length,
    } as TableRow<RequestColumnName | AgentColumnName>;
  });
  return new Table([...columns, ...agents], rows);
}

function tableType(type: (typeof requestColumns)[number]["type"]): ColumnType {
  return type === "INTEGER" ? "BIGINT" : type;
}

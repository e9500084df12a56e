import { isJsonObject, type JsonObject } from "../../../base/index.js";
import type { ParentEdge } from "../../trace.js";
import { aiperfStartNs } from "./aiperf-record.js";
import { type Call, latestEnded, lineOfCalls } from "./play-edges.js";
import { looseObject } from "./row-fields.js";

/**
 * Who a row of a profile export follows, by row: the turn before of its session, and for the first turn of a sub-agent
 * (`parent_correlation_id`) the request of that session that ended last before it. Undefined where the rows do not name their
 * requests. When a parent session waits for its sub-agents again is not recorded.
 */
export function aiperfEdges(rows: readonly JsonObject[]): (readonly ParentEdge[] | undefined)[] {
  const sessions = new Map<unknown, Call[]>();
  const byTurn = new Map<string, Call>();
  const calls = rows.map((row) => {
    const metadata = looseObject(row, "metadata");
    const startNs = aiperfStartNs(row);
    const {
      x_request_id: requestId,
      x_correlation_id: session,
      turn_index: turn,
      request_end_ns: endNs,
    } = metadata;
    if (startNs === undefined || typeof requestId !== "string" || typeof session !== "string")
      return undefined;
    const call: Call = {
      requestId,
      startS: startNs / 1e9,
      endS: typeof endNs === "number" && endNs >= startNs ? endNs / 1e9 : startNs / 1e9,
    };
    const line = sessions.get(session);
    if (line) line.push(call);
    else sessions.set(session, [call]);
    byTurn.set(`${String(turn)}/${session}`, call);
    return call;
  });
  const lines = new Map([...sessions].map(([session, line]) => [session, lineOfCalls(line)]));
  return rows.map((row, at) => {
    const call = calls[at];
    if (!call || !isJsonObject(row.metadata)) return undefined;
    const { x_correlation_id: session, turn_index: turn, parent_correlation_id: spawner } = row.metadata;
    if (typeof turn !== "number") return undefined;
    const before = byTurn.get(`${turn - 1}/${String(session)}`);
    if (turn > 0) return before && [edgeTo(before, call, "turn")];
    if (typeof spawner !== "string") return [];
    const parent = latestEnded(lines.get(spawner) ?? [], call.startS);
    return parent ? [edgeTo(parent, call, "spawn")] : undefined;
  });
}

function edgeTo(parent: Call, call: Call, kind: "turn" | "spawn"): ParentEdge {
  const gapMs = Math.max(0, Math.round((call.startS - parent.endS) * 1e6) / 1e3);
  return { requestId: parent.requestId, kind, gapMs };
}

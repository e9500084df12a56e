import type { JsonObject } from "../../../base/index.js";
import type { ParentEdge, TraceRecord } from "../../trace.js";
import { type Call, followEdges, joinsOf, lineOfCalls, spawnEdges } from "./play-edges.js";
import { looseObject } from "./row-fields.js";

type Place = Partial<Pick<TraceRecord, "session" | "turn" | "agent" | "parents">>;

/**
 * Sessions of a Dynamo request trace, by row: requests of one `session_id` in order of start. The first request of a child
 * session (`parent_session_id`: an agent's) follows the parent's request that had ended before it, or else the one that had
 * begun; the first request of the parent that starts after the child's last one ended waits for it. Gaps count from the end of
 * what is waited for: tools that ran in between are in them.
 */
export function dynamoEdges(events: readonly JsonObject[]): Place[] {
  const calls = events.map((event, at) => callOf(event, at));
  const bySession = new Map<string, Call[]>();
  const parentOf = new Map<string, string>();
  for (const [at, event] of events.entries()) {
    const { session_id: session, parent_session_id: parent } = looseObject(event, "agent_context");
    const call = calls[at];
    if (typeof session !== "string" || !call) continue;
    const line = bySession.get(session);
    if (line) line.push(call);
    else bySession.set(session, [call]);
    if (typeof parent === "string" && parent !== session) parentOf.set(session, parent);
  }
  const lines = new Map([...bySession].map(([session, line]) => [session, lineOfCalls(line)]));
  const joins = new Map<string, ParentEdge[]>();
  for (const [session, parent] of parentOf) {
    const last = (lines.get(session) ?? []).reduce<Call | undefined>(
      (latest, call) => (latest && latest.endS >= call.endS ? latest : call),
      undefined,
    );
    for (const [requestId, edges] of joinsOf(lines.get(parent) ?? [], [{ joinS: last?.endS, last }]))
      joins.set(requestId, [...(joins.get(requestId) ?? []), ...edges]);
  }
  return events.map((event, at): Place => {
    const { session_id: session } = looseObject(event, "agent_context");
    const call = calls[at];
    if (typeof session !== "string") return {};
    const line = lines.get(session) ?? [];
    const turn = call ? line.indexOf(call) + 1 : 0;
    const parent = parentOf.get(session);
    if (!call || turn === 0) return { session };
    const followed = followEdges(line, call.requestId);
    const spawned =
      turn === 1 && parent !== undefined ? spawnEdges(lines.get(parent) ?? [], call.startS, call) : [];
    return {
      session,
      turn,
      ...(parent !== undefined && { agent: session }),
      parents: [...followed, ...spawned, ...(joins.get(call.requestId) ?? [])],
    };
  });
}

function callOf(event: JsonObject, at: number): Call | undefined {
  const {
    request_id: id,
    request_received_ms: startMs,
    total_time_ms: totalMs,
  } = looseObject(event, "request");
  if (typeof startMs !== "number" || !(startMs > 0)) return undefined;
  const endMs =
    typeof totalMs === "number"
      ? startMs + totalMs
      : typeof event.event_time_unix_ms === "number"
        ? event.event_time_unix_ms
        : startMs;
  return {
    requestId: typeof id === "string" ? id : `request ${at + 1}`,
    startS: startMs / 1000,
    endS: Math.max(startMs, endMs) / 1000,
  };
}

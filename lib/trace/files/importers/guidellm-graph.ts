import type { JsonObject } from "../../../base/index.js";
import type { ParentEdge, TraceRecord } from "../../trace.js";
import { looseObject } from "./row-fields.js";

type Place = Partial<Pick<TraceRecord, "requestId" | "session" | "turn" | "agent" | "parents">>;

/**
 * Sessions of a guidellm report (0.8, schemas/base/info.py): requests with one `conversation_id` are one, its `turn_index` is
 * a depth from 0. `parent_node_ids` names the requests that one waited for, in the conversation: of another agent one alone
 * is a spawn, several are joined. Reports before 0.8 hold none of it.
 */
export class GuidellmGraph {
  readonly #requests: readonly (JsonObject | undefined)[];
  readonly #byNode = new Map<string, JsonObject>();
  readonly #sizes = new Map<string, number>();
  /** The agent of a conversation's first request. */
  readonly #mainAgents = new Map<string, { turn: number; agent: unknown }>();

  constructor(requests: readonly (JsonObject | undefined)[]) {
    this.#requests = requests;
    for (const request of requests) {
      const info = looseObject(request, "info");
      const { conversation_id: conversation, node_id: node, turn_index: turn, agent_id: agent } = info;
      if (typeof conversation !== "string") continue;
      this.#sizes.set(conversation, (this.#sizes.get(conversation) ?? 0) + 1);
      const main = this.#mainAgents.get(conversation);
      const at = typeof turn === "number" ? turn : 0;
      if (!main || at < main.turn) this.#mainAgents.set(conversation, { turn: at, agent });
      if (request && typeof node === "string") this.#byNode.set(`${node}/${conversation}`, request);
    }
  }

  /** Where the request with this index stands. */
  place(index: number): Place {
    const request = this.#requests[index];
    const info = looseObject(request, "info");
    const requestId = idOf(request);
    const { conversation_id: session, turn_index: turn, agent_id: agent } = info;
    const named = requestId === undefined ? {} : { requestId };
    if (typeof session !== "string" || (this.#sizes.get(session) ?? 0) < 2) return named;
    const parents = this.#parents(request, info, session);
    return {
      ...named,
      session,
      ...(typeof turn === "number" && turn >= 0 && { turn: turn + 1 }),
      ...(typeof agent === "string" && agent !== this.#mainAgents.get(session)?.agent && { agent }),
      ...(parents && { parents }),
    };
  }

  #parents(request: JsonObject | undefined, info: JsonObject, session: string): ParentEdge[] | undefined {
    const { parent_node_ids: nodes, agent_id: agent } = info;
    if (!Array.isArray(nodes)) return undefined;
    const delayS = request?.turn_predecessor_delay;
    return (nodes as unknown[]).flatMap((node) => {
      const parent = this.#byNode.get(`${String(node)}/${session}`);
      const requestId = idOf(parent);
      if (requestId === undefined) return [];
      const isOwn = looseObject(parent, "info").agent_id === agent;
      const kind = isOwn ? "turn" : nodes.length > 1 ? "join" : "spawn";
      const gapMs = typeof delayS === "number" && delayS >= 0 ? delayS * 1000 : undefined;
      return [{ requestId, kind, ...(gapMs !== undefined && nodes.length === 1 && { gapMs }) }];
    });
  }
}

function idOf(request: JsonObject | undefined): string | undefined {
  const id = request?.request_id ?? looseObject(request, "info").request_id;
  return typeof id === "string" ? id : undefined;
}

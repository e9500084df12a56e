import { describeValue } from "../../base/index.js";
import { checkedInt, checkedMs, checkedString } from "../row-checks.js";
import { RowError } from "../row-error.js";
import type { JsonValue, ParentEdge, ParentKind, PromptMessage, TraceRecord } from "../trace.js";

type Mutable<T> = { -readonly [K in keyof T]: T[K] };
type Json = Readonly<Record<string, JsonValue | undefined>>;

const parentKinds: readonly ParentKind[] = ["turn", "spawn", "join", "retry"];

/**
 * Reads where a request comes from and how it hangs together with others: its id, session, agent, parents, replica and
 * the messages of its prompt.
 * @throws RowError with the first field that is wrong
 */
export function setOrigin(record: Mutable<TraceRecord>, json: Json): void {
  const requestId = checkedString("request_id", json.request_id);
  if (requestId !== undefined) record.requestId = requestId;
  const session = checkedString("session", json.session);
  if (session !== undefined) record.session = session;
  const turn = checkedInt("turn", json.turn, 1);
  if (turn !== undefined) record.turn = turn;
  const sessionSource = checkedString("session_source", json.session_source);
  if (sessionSource !== undefined) record.sessionSource = sessionSource;
  const agent = checkedString("agent", json.agent);
  if (agent !== undefined) record.agent = agent;
  const parents = checkedList("parents", json.parents, parentEdge);
  if (parents) record.parents = parents;
  // A simulated fleet numbers its replicas, a real one names them.
  const { replica } = json;
  const replicaName = checkedString("replica", typeof replica === "number" ? String(replica) : replica);
  if (replicaName !== undefined) record.replica = replicaName;
  const messages = checkedList("messages", json.messages, promptMessage);
  if (messages) record.messages = messages;
  const messagesBy = oneOf("messages_by", json.messages_by, ["tokens", "characters"] as const);
  if (messagesBy) record.messagesBy = messagesBy;
}

/** The same fields as they stand in a line, each behind a comma; empty without any. */
export function originText(record: TraceRecord): string {
  const { requestId, session, turn, sessionSource, agent, parents, replica, messages, messagesBy } = record;
  let text = "";
  if (requestId !== undefined) text += `, "request_id": ${JSON.stringify(requestId)}`;
  if (session !== undefined) text += `, "session": ${JSON.stringify(session)}`;
  if (turn !== undefined) text += `, "turn": ${turn}`;
  if (sessionSource !== undefined) text += `, "session_source": ${JSON.stringify(sessionSource)}`;
  if (agent !== undefined) text += `, "agent": ${JSON.stringify(agent)}`;
  if (parents) text += `, "parents": ${JSON.stringify(parents.map(parentJson))}`;
  if (replica !== undefined) text += `, "replica": ${JSON.stringify(replica)}`;
  if (messages) text += `, "messages": ${JSON.stringify(messages)}`;
  if (messagesBy !== undefined) text += `, "messages_by": ${JSON.stringify(messagesBy)}`;
  return text;
}

function parentJson({ requestId, kind, gapMs, from }: ParentEdge) {
  return {
    request_id: requestId,
    kind,
    ...(gapMs !== undefined && { gap_ms: gapMs }),
    ...(from && { from }),
  };
}

function parentEdge(field: string, json: Json): ParentEdge {
  const requestId = checkedString(`${field}.request_id`, json.request_id);
  if (requestId === undefined) throw new RowError(`${field}.request_id is missing`);
  const kind = oneOf(`${field}.kind`, json.kind, parentKinds) ?? "turn";
  const gapMs = checkedMs(`${field}.gap_ms`, json.gap_ms);
  const from = oneOf(`${field}.from`, json.from, ["start", "end"] as const);
  return { requestId, kind, ...(gapMs !== undefined && { gapMs }), ...(from === "start" && { from }) };
}

function promptMessage(field: string, json: Json): PromptMessage {
  const role = checkedString(`${field}.role`, json.role);
  const tokens = checkedInt(`${field}.tokens`, json.tokens);
  if (role === undefined || tokens === undefined) throw new RowError(`${field} must hold role and tokens`);
  const hash = checkedString(`${field}.hash`, json.hash);
  return { role, tokens, ...(hash !== undefined && { hash }) };
}

function checkedList<T>(
  field: string,
  value: JsonValue | undefined,
  read: (field: string, json: Json) => T,
): T[] | undefined {
  if (value === undefined || value === null) return undefined;
  if (!Array.isArray(value)) throw new RowError(`${field} must be an array, got ${describeValue(value)}`);
  return value.map((entry: JsonValue, at) => {
    if (entry === null || typeof entry !== "object" || Array.isArray(entry))
      throw new RowError(`${field}[${at}] must be an object, got ${describeValue(entry)}`);
    return read(`${field}[${at}]`, entry as Json);
  });
}

function oneOf<T extends string>(field: string, value: unknown, known: readonly T[]): T | undefined {
  if (value === undefined || value === null) return undefined;
  const found = known.find((name) => name === value);
  if (found === undefined)
    throw new RowError(`${field} must be one of ${known.join(", ")}, got ${describeValue(value)}`);
  return found;
}

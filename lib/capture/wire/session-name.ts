import { asObject, type JsonObject } from "../../base/index.js";
import { asText } from "./json-object.js";

/** What a client calls the session that a request belongs to. */
export interface SessionName {
  /** As sent: never to be stored. */
  readonly name: string;
  /** The header or field that carried it. */
  readonly source: string;
}

/** Headers by lower-case name, as `http.IncomingMessage` has them. */
export type Headers = Readonly<Record<string, string | readonly string[] | undefined>>;

/**
 * Headers that name a session, by shape: `x-session-id`, `session_id` and `conversation_id` (Codex),
 * `x-claude-code-session-id`, `x-session-affinity` and `x-opencode-session` (opencode), `helicone-session-id`,
 * `x-litellm-session-id`, `thread-id`, and whatever else is called so. A parent's session is not the request's, and that
 * of a tool protocol's connection is none.
 */
const SESSION_HEADER = /^(x-)?([a-z0-9]+[-_])*(session|conversation|thread|chat)([-_](id|key|affinity))?$/;
const OTHER_SESSION = /(^|[-_])(parent|mcp|auth|login|user)[-_]/;

/** Headers that name what belongs together where nothing better does: it may be a single request. */
const WEAK_HEADERS = ["x-correlation-id", "x-litellm-trace-id"];

/** Fields that name a session, in the body itself and in what it has for metadata. */
const SESSION_FIELDS = [
  "session_id",
  "sessionId",
  "conversation_id",
  "conversationId",
  "thread_id",
  "threadId",
  "chat_id",
  "chatId",
  "litellm_session_id",
];

/**
 * The session that a client says a request belongs to: a header, a field of the body or of its metadata, the session
 * inside Claude Code's `metadata.user_id`, or OpenAI's `prompt_cache_key` (agents set it to the conversation). A user
 * (`user`, `safety_identifier`) is no session.
 */
export function sessionName(headers: Headers, body: unknown): SessionName | undefined {
  const strong = Object.keys(headers)
    .filter((name) => SESSION_HEADER.test(name) && !OTHER_SESSION.test(name))
    .sort((a, b) => rank(a) - rank(b) || (a < b ? -1 : 1));
  for (const source of strong) {
    const name = headerText(headers[source]);
    if (name !== undefined) return { name, source };
  }
  const fields = asObject(body);
  const inBody = fields && bodySession(fields);
  if (inBody) return inBody;
  for (const source of WEAK_HEADERS) {
    const name = headerText(headers[source]);
    if (name !== undefined) return { name, source };
  }
  return undefined;
}

/** Of several, a session before a conversation before a thread: the order in which agents nest them. */
function rank(header: string): number {
  return ["session", "conversation", "chat", "thread"].findIndex((word) => header.includes(word));
}

function bodySession(body: JsonObject): SessionName | undefined {
  const metadata = asObject(body.metadata);
  const holders: [string, JsonObject | undefined][] = [
    ["", body],
    ["metadata.", metadata],
    ["extra_body.", asObject(body.extra_body)],
    ["litellm_metadata.", asObject(body.litellm_metadata)],
    ["nvext.session_control.", asObject(asObject(body.nvext)?.session_control)],
  ];
  for (const [prefix, holder] of holders) {
    for (const field of SESSION_FIELDS) {
      const name = named(holder?.[field]);
      if (name !== undefined) return { name, source: prefix + field };
    }
  }
  const conversation = named(body.conversation) ?? named(asObject(body.conversation)?.id);
  if (conversation !== undefined) return { name: conversation, source: "conversation" };
  const session = claudeCodeSession(asText(metadata?.user_id));
  if (session !== undefined) return { name: session, source: "metadata.user_id" };
  const key = named(body.prompt_cache_key);
  return key === undefined ? undefined : { name: key, source: "prompt_cache_key" };
}

/** Claude Code writes user, account and session into one field: `user_H_account_A_session_S`, later as JSON. */
function claudeCodeSession(userId: string | undefined): string | undefined {
  if (userId === undefined) return undefined;
  if (userId.startsWith("{")) {
    try {
      return named(asObject(JSON.parse(userId))?.session_id);
    } catch {
      return undefined;
    }
  }
  return /_session_([\w-]+)$/.exec(userId)?.[1];
}

function headerText(value: string | readonly string[] | undefined): string | undefined {
  return named(typeof value === "string" ? value : value?.[0]);
}

/** A name that can tell sessions apart. */
function named(value: unknown): string | undefined {
  const text = typeof value === "number" ? String(value) : asText(value)?.trim();
  return text === undefined || text === "" || /^(null|undefined|none|default)$/i.test(text)
    ? undefined
    : text;
}

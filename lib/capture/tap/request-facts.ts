import { asObject } from "../../base/index.js";
import type { JsonValue } from "../../trace/index.js";
import {
  asArray,
  asText,
  cacheMarks,
  type Headers,
  promptJson,
  requestApart,
  sessionName,
} from "../wire/index.js";
import { keyedHash } from "./keyed-hash.js";

/** Whose request it is and what it carries beside its prompt, without anything that a client wrote. */
export interface RequestFacts {
  readonly session?: string;
  readonly sessionSource?: string;
  readonly agent?: string;
  /** Further facts by the names that a trace has for them. */
  readonly extra: Readonly<Record<string, JsonValue>>;
  /** What keeps the blocks of equal prompts apart in an engine: a salt, an adapter. Undefined without any. */
  readonly apart?: string;
}

/** Names of an adapter in the body: SGLang, llama.cpp, text-generation-inference and others. */
const ADAPTER_FIELDS = [
  "lora_path",
  "lora_name",
  "lora_request",
  "lora",
  "adapter",
  "adapter_id",
  "adapters",
];

/** Headers that name a sub-agent of a session. */
const AGENT_HEADER = /^(x-)?([a-z0-9]+-)*(agent|subagent)[-_]id$/;

/**
 * The facts of a request.
 * @param body the parsed body
 * @param key the trace's key: names are hashed under it
 */
export function requestFacts(headers: Headers, body: unknown, key: Uint8Array | undefined): RequestFacts {
  const fields = asObject(body) ?? {};
  const session = sessionName(headers, body);
  const agent = Object.keys(headers).find((name) => AGENT_HEADER.test(name));
  const agentName = agent === undefined ? undefined : headerText(headers[agent]);
  const salt = saltText(fields.cache_salt) ?? saltText(fields.extra_key);
  const adapters = ADAPTER_FIELDS.filter((name) => isNamed(fields[name])).map(
    (name) => [name, fields[name]] as const,
  );
  const apart = requestApart(salt, adapters);
  const traceId = /^[0-9a-f]{2}-([0-9a-f]{32})-/.exec(headerText(headers.traceparent) ?? "")?.[1];
  const retries = Number(headerText(headers["x-stainless-retry-count"]) ?? 0);
  const marks = bodyMarks(fields);
  const tools = asArray(fields.tools).map((tool) => keyedHash(key, "tool", promptJson(tool), 12));
  return {
    ...(session && { session: keyedHash(key, "session", session.name), sessionSource: session.source }),
    ...(agentName !== undefined && { agent: keyedHash(key, "agent", agentName) }),
    ...(apart !== undefined && { apart }),
    extra: {
      ...(traceId !== undefined && { trace_id_hash: keyedHash(key, "trace", traceId) }),
      ...(salt !== undefined && { cache_salt_hash: keyedHash(key, "salt", salt) }),
      ...(adapters.length > 0 && { adapter_hash: keyedHash(key, "adapter", promptJson(adapters)) }),
      ...(marks && { cache_marks: marks }),
      ...(tools.length > 0 && { tool_hashes: tools }),
      ...(retries > 0 && { retry: retries }),
    },
  };
}

/** How many marks for the server's cache there are, on tools, on the system text, and on which messages, from 0. */
function bodyMarks(body: Readonly<Record<string, unknown>>): JsonValue | undefined {
  const tools = cacheMarks(body.tools);
  const system = cacheMarks(body.system);
  const messages = asArray(body.messages ?? body.input).map(cacheMarks);
  const whole = body.cache_control == null ? 0 : 1;
  const count = messages.reduce((sum, marks) => sum + marks, tools + system + whole);
  if (count === 0) return undefined;
  const marked = messages.flatMap((marks, i) => (marks > 0 ? [i] : []));
  return { count, tools, system, messages: marked };
}

function saltText(value: unknown): string | undefined {
  return isNamed(value) ? (asText(value) ?? promptJson(value)) : undefined;
}

function isNamed(value: unknown): boolean {
  return value != null && value !== "" && !(Array.isArray(value) && value.length === 0);
}

function headerText(value: string | readonly string[] | undefined): string | undefined {
  return typeof value === "string" ? value : value?.[0];
}

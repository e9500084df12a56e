/**
 * The tap: a recording reverse proxy. Put between clients and a server, it passes everything on unchanged and writes one
 * trace record a completion, of whichever API (`lib/capture/wire`).
 *
 * Read `start-tap.ts` first, then `forward-exchange.ts` (how bytes pass), `exchange-log.ts` (how they are watched),
 * `recorder.ts` (how they are read) and `exchange-records.ts` (what is written). Times are milliseconds since the tap
 * started.
 *
 * `loss-teller.ts` says meanwhile which requests lost a prefix.
 *
 * What a prompt's blocks are made of: `prompt-tokens.ts` (the source of tokens, one for all chats of a trace and one for
 * all texts), `upstream-tokenizer.ts` (what the server's tokenizer can be asked), `place-things.ts` (images and files).
 * Whose request it is: `request-facts.ts`, `conversations.ts`. Fields of a row beside those of the tap schema:
 *
 * - `api`: the API of the request; `token_source`: where its tokens come from ({@link TokenSource});
 * - `no_hashes`: why it has no block hashes; `prompt_tokens_expected`: nobody counted its tokens, they are estimated;
 * - `request_id`: the capture's and the request's number, since clients' and servers' ids are theirs; `session`, `agent`,
 *   `trace_id_hash` (of `traceparent`), `cache_salt_hash`, `adapter_hash`: names under the trace's key (`keyed-hash.ts`);
 * - `turn` and `parents`: only where `previous_response_id` tells them. A session's name alone tells no order: sub-agents
 *   and parallel calls have it too;
 * - `tool_hashes`: one a tool, in the order sent: the same set in another order is seen, without their text;
 * - `cache_marks`: how many marks for the server's cache, and on what; `retry`: how often the client had tried before.
 */
export type { RecordNotes } from "./exchange-sink.js";
export type { TimedLoss } from "./loss-teller.js";
export type { PassedPaths } from "./passed-paths.js";
export type { TokenSource } from "./prompt-tokens.js";
export { startTap, type Tap, type TapOptions } from "./start-tap.js";

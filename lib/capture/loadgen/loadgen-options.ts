import {
  InputError,
  type Ms,
  type PerSecond,
  requireFinite,
  requireInteger,
  requirePositive,
  type Tokens,
} from "../../base/index.js";
import { type JsonValue, metaFromJson } from "../../trace/index.js";
import { doublingStairs } from "../../workload/index.js";
import { type Endpoint, endpoints } from "./endpoint.js";

/**
 * The arrival patterns. `multiturn`, `conversations`, `poisson` and `burst` are open loop; the others wait for answers.
 */
export const loadPatterns = [
  "multiturn",
  "conversations",
  "poisson",
  "constant",
  "staircase",
  "burst",
  "sweep",
] as const;
export type LoadPattern = (typeof loadPatterns)[number];

/** Everything that fixes a load: with the same server, the same options send the same requests. */
export interface LoadgenOptions {
  /** Base address of the server, with or without `/v1`. */
  readonly url: string;
  readonly model: string;
  readonly pattern: LoadPattern;
  /** Which API is driven. Default "completions". */
  readonly endpoint: Endpoint;
  /** How prompts go over the wire. Default "auto": token ids where the server has a tokenizer and returns ids. */
  readonly promptAs: "auto" | "text" | "ids";
  /** A `tokenizer.json` that tells token ids where the server does not. */
  readonly tokenizerFile?: string;
  /** Ids that prompts sent as token ids are drawn from; default: those of ordinary text, by the server's tokenizer. */
  readonly tokenIdRange?: readonly [number, number];
  /** The file of conversations that `conversations` sends again; see `readConversations`. */
  readonly conversationsFile?: string;
  /** Whether a later turn of theirs goes on from the server's real answer, or from the recorded one. Default "real". */
  readonly answers: "real" | "recorded";
  /** Requests a second (poisson) or sessions a second (multiturn, conversations). Default 1. */
  readonly ratePerSecond: PerSecond;
  readonly turns: number;
  readonly prefixTokens: Tokens;
  readonly prefixCount: number;
  /** New tokens of each request or turn; in a sweep, the longest prompt. */
  readonly promptTokens: Tokens;
  readonly outputTokens: Tokens;
  /** From an answer to the next turn. In `conversations` 0 stands for what the file tells. */
  readonly thinkTimeMs: Ms;
  /** Arrivals go on for this long; what is in flight is then waited for. Not of `conversations`, which has an end. */
  readonly durationMs: Ms;
  /** Stops after this many sessions (multiturn, conversations) or requests (poisson, burst), if that is earlier. */
  readonly sessions?: number;
  /** Workers of `constant`; the top of a doubling staircase, also that of a sweep. */
  readonly concurrency: number;
  /** Concurrency levels of `staircase` and `sweep`; default: doubling up to `concurrency`. */
  readonly stairs?: readonly number[];
  /** Sweep: how often each isolated size is measured. Default 3. */
  readonly repeats: number;
  readonly burstSize: number;
  readonly burstIntervalMs: Ms;
  readonly seed: number;
  /** Unrecorded requests before the clock starts, one after the other, so that no first-time cost is measured. Default 2. */
  readonly warmup: number;
  /** Time limit of one request. */
  readonly timeoutMs: Ms;
  readonly temperature: number;
  readonly ignoreEos: boolean;
  /** Tokens a block behind the recorded hashes. */
  readonly blockSize: Tokens;
  /** No one else uses the server: the trace gets `itl_ctx`, derived from all requests. Default false. */
  readonly soleClient: boolean;
  /** Further facts for the trace's meta line, such as engine settings, by their wire names. */
  readonly meta?: Readonly<Record<string, JsonValue>>;
  /** Sent as a bearer token; not recorded. */
  readonly apiKey?: string;
}

/** The defaults: those of the original load generator where it has them. */
export const defaultLoadgenOptions = {
  pattern: "constant",
  endpoint: "completions",
  promptAs: "auto",
  answers: "real",
  ratePerSecond: 1,
  turns: 5,
  prefixTokens: 10_000,
  prefixCount: 2,
  promptTokens: 512,
  outputTokens: 128,
  thinkTimeMs: 0,
  durationMs: 60_000,
  concurrency: 1,
  repeats: 3,
  burstSize: 8,
  burstIntervalMs: 10_000,
  seed: 0,
  warmup: 2,
  timeoutMs: 300_000,
  temperature: 0,
  ignoreEos: true,
  blockSize: 16,
  soleClient: false,
} as const satisfies Partial<LoadgenOptions>;

/**
 * Fills in the defaults and checks every option.
 * @throws InputError naming the option that is out of range
 */
export function loadgenOptions(
  given: Partial<LoadgenOptions> & Pick<LoadgenOptions, "url" | "model">,
): LoadgenOptions {
  const options: LoadgenOptions = { ...defaultLoadgenOptions, ...given };
  const where = "loadgenOptions";
  if (!loadPatterns.includes(options.pattern))
    throw new InputError(
      `${where}: pattern must be one of ${loadPatterns.join(", ")}, got ${JSON.stringify(options.pattern)}`,
    );
  if (!endpoints.includes(options.endpoint))
    throw new InputError(
      `${where}: endpoint must be one of ${endpoints.join(", ")}, got ${JSON.stringify(options.endpoint)}`,
    );
  const isText = options.endpoint !== "completions" || options.pattern === "conversations";
  if (isText && options.promptAs === "ids")
    throw new InputError(`${where}: chat messages are text: promptAs "ids" needs endpoint "completions"`);
  if (options.answers !== "real" && options.answers !== "recorded")
    throw new InputError(
      `${where}: answers must be real or recorded, got ${JSON.stringify(options.answers)}`,
    );
  if ((options.pattern === "conversations") !== (options.conversationsFile !== undefined))
    throw new InputError(
      `${where}: pattern conversations and a file of conversations need each other, got pattern ${options.pattern} ${options.conversationsFile === undefined ? "without a file" : "with one"}: give --pattern conversations --conversations FILE`,
    );
  requirePositive(where, "ratePerSecond", options.ratePerSecond);
  requireInteger(where, "turns", options.turns, 1);
  requireInteger(where, "prefixTokens", options.prefixTokens);
  requireInteger(where, "prefixCount", options.prefixCount, 1);
  requireInteger(where, "promptTokens", options.promptTokens, 1);
  requireInteger(where, "outputTokens", options.outputTokens, 1);
  requireFinite(where, "thinkTimeMs", options.thinkTimeMs, 0);
  requireFinite(where, "durationMs", options.durationMs, 1);
  if (options.sessions !== undefined) requireInteger(where, "sessions", options.sessions, 1);
  requireInteger(where, "concurrency", options.concurrency, 1);
  for (const level of options.stairs ?? []) requireInteger(where, "stairs", level, 1);
  if (options.stairs?.length === 0) throw new InputError(`${where}: stairs must have at least one level`);
  requireInteger(where, "repeats", options.repeats, 1);
  requireInteger(where, "burstSize", options.burstSize, 1);
  requireFinite(where, "burstIntervalMs", options.burstIntervalMs, 1);
  requireInteger(where, "seed", options.seed, Number.MIN_SAFE_INTEGER);
  requireInteger(where, "warmup", options.warmup);
  requireFinite(where, "timeoutMs", options.timeoutMs, 1, 2 ** 31 - 1);
  requireFinite(where, "temperature", options.temperature, 0);
  requireInteger(where, "blockSize", options.blockSize, 1);
  if (options.meta) requireMeta(where, options.meta);
  return options;
}

function requireMeta(where: string, meta: Readonly<Record<string, JsonValue>>): void {
  try {
    metaFromJson(meta);
  } catch (error) {
    throw new InputError(`${where}: ${(error as Error).message}`);
  }
}

/** The concurrency levels that a closed-loop pattern holds, in order. */
export function concurrencyLevels(options: LoadgenOptions): readonly number[] {
  if (options.pattern === "constant") return [options.concurrency];
  return options.stairs ?? doublingStairs(options.concurrency);
}

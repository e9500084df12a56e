import { InputError, type Ms } from "../../base/index.js";
import type { Plan } from "../../replay/index.js";
import { BlockTable, metaFromJson, type Trace, type TraceRecord } from "../../trace/index.js";
import { blockExpander, tokenRange } from "../../workload/index.js";
import { ApiClient } from "../loadgen/api-client.js";
import type { PromptSource } from "../loadgen/conversation.js";
import { type LoadProgress, LoadRun, type ReadyRequest } from "../loadgen/load-run.js";
import { refusedNotes } from "../loadgen/refused-notes.js";
import { RequestWriter } from "../loadgen/request-writer.js";
import { SEND_LAG_LIMIT_MS, type SendLag, sendLagJson, summariseSendLag } from "../loadgen/send-lag.js";
import { learnServer, type ServerFacts } from "../loadgen/server-facts.js";
import { drivePlan } from "./drive-plan.js";
import { PlanPrompts } from "./plan-prompts.js";

/** Ground truth to record with a request. */
export interface RecordedLabels {
  readonly session?: string;
  /** From 1. */
  readonly turn?: number;
}

/** How a plan meets a real server. */
export interface LiveReplayOptions {
  readonly plan: Plan;
  /** Base address of an OpenAI-compatible server that takes prompts as token ids. */
  readonly url: string;
  readonly model: string;
  /** Fixes the tokens behind content ids. A second replay on one engine start needs another seed, or finds the first's blocks. */
  readonly seed: number;
  /** Ids to draw tokens from; default: those of ordinary text, by the server's tokenizer. */
  readonly tokenIdRange?: readonly [number, number];
  /** Time limit of one request. */
  readonly timeoutMs: Ms;
  readonly temperature?: number;
  readonly apiKey?: string;
  /** Session and turn to record with request `index`. */
  readonly labels?: (index: number) => RecordedLabels;
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: LoadProgress) => void;
}

/** What a live replay measured. */
export interface LiveReplay {
  /** Record i is request i of the plan; one that was not sent has finish reason "never sent". */
  readonly trace: Trace;
  readonly notSent: number;
  readonly sendLag: SendLag | undefined;
  readonly warnings: readonly string[];
}

/**
 * Runs a plan against a real server: each content id becomes one block of tokens, and requests fire at their time or
 * a gap after their parent's end. Where a later prompt goes on through an earlier answer, it repeats the answer that
 * the server gave this time.
 * @throws InputError when the server does not answer, or neither server nor caller says which token ids to use
 */
export async function replayLive(options: LiveReplayOptions): Promise<LiveReplay> {
  const { plan } = options;
  const endpoint = "completions";
  const writer = new RequestWriter({
    endpoint,
    model: options.model,
    sampling: { temperature: options.temperature ?? 0, ignoreEos: true, returnTokenIds: true },
  });
  const server = await learnServer({ ...options, endpoint, writer });
  const pool = options.tokenIdRange ? tokenRange(...options.tokenIdRange) : server.tokenPool;
  if (!pool)
    throw new InputError(
      "replayLive: the server has no /tokenize: give tokenIdRange, the ids of ordinary text tokens",
    );
  const client = new ApiClient({ ...options, endpoint });
  const blocks = new BlockTable();
  const records = new Array<TraceRecord | undefined>(plan.requests.length).fill(undefined);
  const indexOf = new Map<ReadyRequest, number>();
  const run = new LoadRun({
    client,
    writer,
    blockSize: plan.blockSize,
    blocks,
    signal: options.signal ?? new AbortController().signal,
    planned: plan.requests.length,
    ...(options.onProgress && { onProgress: options.onProgress }),
    onRecord: (record, ready) => {
      records[indexOf.get(ready) as number] = record;
    },
  });
  const expand = blockExpander({ blockSize: plan.blockSize, pool, seed: options.seed });
  try {
    await drivePlan(run, plan, new PlanPrompts(plan, expand), (index, ids) => {
      const { outputTokens } = plan.requests[index];
      const ready = run.prepare(idsSource(ids), { ...options.labels?.(index), outputTokens });
      indexOf.set(ready, index);
      return ready;
    });
    run.flush();
  } finally {
    client.close();
  }
  const notSent = records.filter((record) => record === undefined).length;
  const sendLag = summariseSendLag(run.records);
  const lagged = sendLag !== undefined && sendLag.p99Ms > SEND_LAG_LIMIT_MS;
  const trace: Trace = {
    meta: metaFromJson({
      model: options.model,
      source: "live-replay",
      block_size: plan.blockSize,
      seed: options.seed,
      pacing: plan.pacing,
      // The wire's word, of `--cold-prompts`.
      prompts: plan.prompts === "unique" ? "cold" : plan.prompts,
      ...server.engine,
      ...(sendLag && { send_lag_ms: sendLagJson(sendLag) }),
      lagged,
      not_sent: notSent,
    }),
    records: records.map((record, index) => record ?? neverSent(plan, index, options.labels?.(index))),
    blocks,
    rejected: [],
    warnings: [],
  };
  const refused = refusedNotes(writer, {
    usage: server.tellsUsage,
    sentAgain: run.sentAgain,
    shorter: run.shorter,
  });
  return {
    trace,
    notSent,
    sendLag,
    warnings: [...refused, ...warningsOf({ notSent, sendLag, lagged, server, plan })],
  };
}

/** A prompt whose ids are at hand. */
function idsSource(ids: Int32Array): PromptSource {
  return {
    prompt: () => ({ kind: "ids", json: ids.join(",") }),
    tokenIds: () => ids,
    tokens: () => ids.length,
  };
}

function neverSent(plan: Plan, index: number, labels: RecordedLabels | undefined): TraceRecord {
  return {
    promptTokens: plan.requests[index].promptTokens,
    outputTokens: 0,
    finishReason: "never sent",
    ...labels,
  };
}

function warningsOf(end: {
  readonly notSent: number;
  readonly sendLag: SendLag | undefined;
  readonly lagged: boolean;
  readonly server: ServerFacts;
  readonly plan: Plan;
}): string[] {
  const { notSent, sendLag, lagged, server, plan } = end;
  const warnings = [...plan.assumptions];
  if (notSent > 0)
    warnings.push(`${notSent} requests were never sent: the run was stopped, or their parent failed`);
  if (lagged && sendLag)
    warnings.push(
      `requests went out late (p99 ${sendLag.p99Ms.toFixed(1)} ms, limit ${SEND_LAG_LIMIT_MS} ms): arrivals are not the plan's`,
    );
  if (!server.returnsTokenIds)
    warnings.push(
      "the server returns no token ids: later turns repeat expanded blocks, not its answers, and miss those blocks",
    );
  return warnings;
}

import type { Ms, Tokens } from "../../../base/index.js";
import type { JsonValue, ParentEdge } from "../../trace.js";
import { ChainTable } from "./chain-table.js";
import { ContextChain } from "./context-chain.js";
import { type Call, followEdges, joinsOf, lineOfCalls, spawnEdges } from "./play-edges.js";
import type { TraceBuilder } from "./trace-builder.js";

/** One call of a model as a coding agent logs it: counts and times, no request. */
export interface AgentCall {
  /** Line of its first record. */
  readonly line: number;
  readonly requestId: string;
  readonly session: string;
  /** The sub-agent that called; undefined for the main one. */
  readonly agent?: string;
  /** Of the latest input before it: the best that is known of when it was sent. */
  readonly inputMs: Ms | undefined;
  /** Of its last record. */
  readonly endMs: Ms | undefined;
  readonly promptTokens: Tokens;
  /** Read from the provider's cache. */
  readonly cachedTokens: Tokens | undefined;
  readonly outputTokens: Tokens;
  readonly finishReason?: string;
  readonly extra?: Readonly<Record<string, JsonValue>>;
}

/**
 * Hands the calls of coding agents to a builder: sessions and agents, edges from turn to turn, from a sub-agent's first call
 * to the one that spawned it, and back to the main call that waited for it.
 *
 * Such logs hold no system prompt and no tools, and reasoning that is not repeated; what a prompt shares with the one before
 * is taken from the counts. A prompt that is at least as long as the one before and its answer continues both; one that is
 * as long as the prompt alone continues that; of a shorter one (a history that was compacted or edited) the tokens that came
 * from the provider's cache are taken to be shared.
 */
export function addAgentCalls(builder: TraceBuilder, calls: readonly AgentCall[], blockSize: Tokens): void {
  const chains = new ChainTable(builder.blocks);
  const lines = new Map<string, AgentCall[]>();
  for (const call of calls) {
    const name = lineName(call);
    const line = lines.get(name);
    if (line) line.push(call);
    else lines.set(name, [call]);
  }
  const timed = new Map([...lines].map(([name, line]) => [name, lineOfCalls(line.map(timedCall))]));
  const joins = new Map<string, ParentEdge[]>();
  for (const [name, line] of lines) {
    const [first] = line as [AgentCall];
    if (first.agent === undefined) continue;
    const main = timed.get(first.session) ?? [];
    const last = (timed.get(name) ?? []).reduce<Call | undefined>(
      (latest, call) => (latest && latest.endS >= call.endS ? latest : call),
      undefined,
    );
    const begunS = timed.get(name)?.[0]?.startS;
    // A main agent that goes on meanwhile does not wait.
    const goesOn = main.some(
      (call) => begunS !== undefined && last && call.startS > begunS && call.startS < last.endS,
    );
    const own = joinsOf(main, [{ joinS: goesOn ? undefined : last?.endS, last }]);
    for (const [requestId, edges] of own) joins.set(requestId, [...(joins.get(requestId) ?? []), ...edges]);
  }
  for (const [name, line] of lines) {
    const context = new ContextChain(chains, blockSize);
    let turn = 0;
    let before: AgentCall | undefined;
    builder.startStream();
    for (const call of line) {
      turn++;
      const own = timed.get(name) ?? [];
      const at = own.find(({ requestId }) => requestId === call.requestId);
      const main = call.agent === undefined ? undefined : timed.get(call.session);
      const followed = at ? followEdges(own, call.requestId).filter(({ from }) => from === undefined) : [];
      const spawned = followed.length === 0 && at && main ? spawnEdges(main, at.startS, at) : [];
      const parents = [...followed, ...spawned, ...(joins.get(call.requestId) ?? [])];
      builder.row(call.line, () => {
        if (before && call.promptTokens < before.promptTokens)
          builder.count(
            "prompt shorter than the one before: only what came from the cache is taken as shared",
            call.line,
          );
        const blockIds = nextPrompt(context, before, call);
        const { endMs, inputMs } = call;
        return {
          promptTokens: call.promptTokens,
          cachedTokens: call.cachedTokens,
          outputTokens: call.outputTokens,
          arrivalMs: inputMs,
          elapsedMs: endMs === undefined || inputMs === undefined ? undefined : Math.max(0, endMs - inputMs),
          blockIds,
          outputBlockIds: context.blockIds().slice(blockIds.length),
          finishReason: call.finishReason,
          requestId: call.requestId,
          session: name,
          turn,
          agent: call.agent,
          parents,
          extra: call.extra,
        };
      });
      before = call;
    }
  }
  builder.assume(
    "such logs hold no request and no first token: arrivals are those of the latest input before a call, there is no TTFT, and what prompts share follows from their lengths",
  );
}

/** The blocks of the next prompt, in the context that the calls before left. */
function nextPrompt(context: ContextChain, before: AgentCall | undefined, call: AgentCall): Int32Array {
  const kept = keptTokens(before, call);
  context.truncate(kept);
  context.append(`input of ${call.requestId}`, call.promptTokens - context.tokens);
  const blockIds = context.blockIds();
  context.append(`answer of ${call.requestId}`, call.outputTokens);
  return blockIds;
}

function keptTokens(before: AgentCall | undefined, call: AgentCall): Tokens {
  if (!before) return 0;
  if (call.promptTokens >= before.promptTokens + before.outputTokens)
    return before.promptTokens + before.outputTokens;
  if (call.promptTokens >= before.promptTokens) return before.promptTokens;
  return Math.min(call.cachedTokens ?? 0, call.promptTokens);
}

function lineName({ session, agent }: AgentCall): string {
  return agent === undefined ? session : `${session}/${agent}`;
}

function timedCall({ requestId, inputMs, endMs }: AgentCall): Call | undefined {
  if (inputMs === undefined) return undefined;
  return { requestId, startS: inputMs / 1000, endS: Math.max(inputMs, endMs ?? inputMs) / 1000 };
}

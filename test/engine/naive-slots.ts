import type { EngineOptions, EngineRequest } from "../../lib/engine/index.js";
import { emptyStepLoad, type StepTimer } from "../../lib/latency/index.js";
import type { NaiveRun } from "./naive-engine.js";

interface LlamaSlot {
  /** What its KV holds, token by token. */
  held: string[];
  idleSince: number;
  job: { index: number; prompt: string[]; generated: string[]; firstStep: number } | undefined;
}

/**
 * llama-server's loop written out the slow and obvious way, token by token: every slot is visited in every step, and
 * prefixes are compared as lists of tokens. It shares no code with lib/engine.
 */
export function naiveSlots(
  requests: readonly EngineRequest[],
  options: EngineOptions,
  timer: StepTimer,
): Pick<NaiveRun, "stepEndMs" | "firstStep" | "lastStep" | "cachedTokens" | "fireMs"> {
  const slots: LlamaSlot[] = Array.from({ length: options.maxNumSeqs }, () => ({
    held: [],
    idleSince: -1,
    job: undefined,
  }));
  const run = {
    stepEndMs: [] as number[],
    firstStep: requests.map(() => -1),
    lastStep: requests.map(() => -1),
    cachedTokens: requests.map(() => -1),
    fireMs: requests.map((r) => r.fireAtMs ?? Number.NaN),
  };
  const arrivals = requests.flatMap((r, index) =>
    r.fireAtMs === undefined ? [] : [{ atMs: r.fireAtMs + timer.arrivalOverheadMs(r.promptTokens), index }],
  );
  const deferred: number[] = [];
  let nowMs = 0;
  let released = 0;

  /** Token t of a request: its block's content and its place there; beyond the known blocks, one of its own. */
  const token = (index: number, t: number) => {
    const id = requests[index]?.contentIds[Math.floor(t / options.blockSize)];
    return id === undefined ? `request ${index} token ${t}` : `block ${id} token ${t % options.blockSize}`;
  };
  const agreeing = (held: string[], prompt: string[]) => {
    let n = 0;
    while (n < held.length && n < prompt.length && held[n] === prompt[n]) n++;
    return n;
  };

  for (;;) {
    if (deferred.length === 0 && slots.every((slot) => !slot.job)) {
      if (arrivals.length === 0) return run;
      nowMs = Math.max(nowMs, Math.min(...arrivals.map((a) => a.atMs)));
    }
    for (const due of arrivals.filter((a) => a.atMs <= nowMs).sort((a, b) => a.atMs - b.atMs)) {
      arrivals.splice(arrivals.indexOf(due), 1);
      deferred.push(due.index);
    }
    while (deferred.length > 0 && slots.some((slot) => !slot.job)) {
      const index = deferred.shift() as number;
      const promptTokens = requests[index]?.promptTokens as number;
      const prompt = Array.from({ length: promptTokens }, (_, t) => token(index, t));
      const idle = slots.filter((slot) => !slot.job);
      const similar = idle
        .map((slot) => ({ slot, n: agreeing(slot.held, prompt) }))
        .filter(({ n }) => n / promptTokens > 0.1)
        .sort((a, b) => b.n - a.n)[0];
      const oldest = Math.min(...idle.map((slot) => slot.idleSince));
      const slot = similar?.slot ?? (idle.findLast((each) => each.idleSince === oldest) as LlamaSlot);
      const kept = options.enablePrefixCaching ? Math.min(similar?.n ?? 0, promptTokens - 1) : 0;
      slot.held = slot.held.slice(0, kept);
      slot.job = { index, prompt, generated: [], firstStep: -1 };
      run.cachedTokens[index] = kept;
    }

    const load = emptyStepLoad();
    const emitting: LlamaSlot[] = [];
    for (const slot of slots) {
      if (!slot.job || slot.job.generated.length === 0) continue;
      slot.held.push(slot.job.generated.at(-1) as string);
      load.decodeSeqs++;
      load.decodeContextTokens += slot.held.length;
      emitting.push(slot);
    }
    let budget = options.maxNumBatchedTokens - load.decodeSeqs;
    for (const slot of slots) {
      if (!slot.job || slot.job.generated.length > 0 || budget <= 0) continue;
      const from = slot.held.length;
      const chunk = Math.min(budget, slot.job.prompt.length - from);
      slot.held.push(...slot.job.prompt.slice(from, from + chunk));
      load.prefillTokens += chunk;
      load.prefillTokenDepth += ((from + chunk) ** 2 - from ** 2) / 2;
      load.prefillSeqs++;
      budget -= chunk;
      if (slot.held.length === slot.job.prompt.length) emitting.push(slot);
    }
    nowMs += timer.stepMs(load);
    const step = run.stepEndMs.push(nowMs) - 1;
    const ended = emitting.filter((slot) => {
      const job = slot.job as NonNullable<LlamaSlot["job"]>;
      job.generated.push(token(job.index, job.prompt.length + job.generated.length));
      if (job.firstStep < 0) job.firstStep = step;
      return job.generated.length === requests[job.index]?.outputTokens;
    });
    // Children are sent in the order in which their parents began to answer; slots become idle in their own order.
    for (const slot of slots.filter((each) => ended.includes(each))) slot.idleSince = released++;
    for (const { job } of slots) if (job) run.firstStep[job.index] = job.firstStep;
    for (const slot of ended.sort((a, b) => (a.job?.firstStep ?? 0) - (b.job?.firstStep ?? 0))) {
      const { index } = slot.job as NonNullable<LlamaSlot["job"]>;
      run.lastStep[index] = step;
      requests.forEach((child, i) => {
        if (child.after?.parent !== index) return;
        run.fireMs[i] = nowMs + timer.emissionOverheadMs() + child.after.gapMs;
        arrivals.push({ atMs: run.fireMs[i]! + timer.arrivalOverheadMs(child.promptTokens), index: i });
      });
      slot.job = undefined;
    }
  }
}

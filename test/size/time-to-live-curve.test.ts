import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { type ServedInTurn, servedInTurn, timeToLiveCurve } from "../../lib/size/index.js";
import { sharedData } from "../trace/helpers.js";
import { capture, hasSharedData, publicWorkload } from "./workloads.js";

/** Block by block: used until when, found or not, held how long. */
function naive(served: ServedInTurn, timeToLiveMs: number) {
  const { accesses, arrivalMs = [], endMs = [], blockSize, promptTokens } = served;
  const usedUntilMs = new Map<number, number>();
  const heldMs = new Map<number, (readonly [number, number])[]>();
  let found = 0;
  accesses.forEach(({ contentIds, promptBlocks }, i) => {
    contentIds.forEach((id, b) => {
      const until = usedUntilMs.get(id);
      if (b < promptBlocks && until !== undefined && arrivalMs[i]! - until <= timeToLiveMs) found++;
      usedUntilMs.set(id, Math.max(until ?? 0, endMs[i]!));
      heldMs.set(id, [...(heldMs.get(id) ?? []), [arrivalMs[i]!, endMs[i]! + timeToLiveMs]]);
    });
  });
  const lastMs = Math.max(...endMs);
  let blockMs = 0;
  for (const spells of heldMs.values()) {
    let coveredMs = 0;
    for (const [from, to] of spells) {
      const end = Math.min(to, lastMs);
      blockMs += Math.max(0, end - Math.max(from, coveredMs));
      coveredMs = Math.max(coveredMs, end);
    }
  }
  return {
    share: (found * blockSize) / promptTokens,
    meanTokens: (blockMs * blockSize) / (lastMs - arrivalMs[0]!),
  };
}

describe("timeToLiveCurve", async () => {
  const served = servedInTurn(await capture());
  const curve = timeToLiveCurve(served);

  it.each([0, 1, 100, 700, 1000, 3000, 10_000, 1e9])("is what block by block gives at %d ms", (ms) => {
    const expected = naive(served, ms);
    expect(curve.share(ms)).toBe(expected.share);
    expect(curve.meanTokens(ms)).toBeCloseTo(expected.meanTokens, 6);
  });

  it("never falls with time, and finds no more once the longest idle time is over", () => {
    const shares = Array.from({ length: 60 }, (_, k) => curve.share(1.25 ** k));
    expect(shares).toEqual([...shares].sort((a, b) => a - b));
    expect(curve.share(curve.longestIdleMs)).toBe(curve.share(Number.POSITIVE_INFINITY));
    expect(curve.share(curve.longestIdleMs - 0.001)).toBeLessThan(curve.share(curve.longestIdleMs));
  });

  it("refuses a time below 0, and a trace without arrivals", () => {
    expect(() => curve.share(-1)).toThrow(/timeToLiveMs/);
    const { arrivalMs: _, endMs: __, ...untimed } = served;
    expect(() => timeToLiveCurve(untimed)).toThrow(/no arrival times/);
  });
});

interface Round {
  readonly session_id: string;
  readonly input_tokens_total: number;
  readonly newly_append_tokens: number;
  readonly output_tokens: number;
  readonly timing_events: readonly { readonly event_type: string; readonly timestamp: string }[];
}

/**
 * TraceLab's eviction trade-off (uw-syfi/TraceLab, artifacts/prefix_cache/eviction_tradeoff): a step's reusable tokens are
 * its prompt less what is new to the context, and are found if the idle gap before it is at most tau.
 */
function traceLabSteps(rounds: readonly Round[]) {
  const before = new Map<string, { total: number; output: number; endMs: number }>();
  return rounds.flatMap((round) => {
    const { input_tokens_total: total, newly_append_tokens: append, output_tokens: output } = round;
    const timesOf = (isInput: boolean) =>
      round.timing_events
        .filter(({ event_type: type }) => type !== "usage_report")
        .filter(({ event_type: type }) => (type === "user_message" || type === "tool_result") === isInput)
        .map(({ timestamp }) => Date.parse(timestamp));
    const outputs = timesOf(false);
    const startMs = Math.max(...timesOf(true).filter((ms) => ms <= Math.min(...outputs)));
    const last = before.get(round.session_id);
    before.set(round.session_id, { total, output, endMs: Math.max(...outputs) });
    if (!last) return [];
    const fresh = Math.min(Math.max(0, Math.max(0, total - last.total) - last.output), append);
    return [{ gapMs: startMs - last.endMs, reusable: total - fresh, total, hasGrown: total > last.total }];
  });
}

describe.skipIf(!hasSharedData)("TraceLab's sessions (skipped where ../shared/data is absent)", () => {
  it("follow its tau curve, in blocks of one token, up to the first step whose context shrank", async () => {
    const path = "tracelab/round_trace.jsonl";
    const steps = traceLabSteps(
      readFileSync(`${sharedData}${path}`, "utf8")
        .trim()
        .split("\n")
        .map((line) => JSON.parse(line) as Round),
    );
    const served = servedInTurn(await publicWorkload("tracelab", path, 1));
    const curve = timeToLiveCurve(served);
    expect(steps).toHaveLength(17);
    const shrunk = steps.filter(({ hasGrown }) => !hasGrown);
    expect(shrunk.map(({ gapMs }) => gapMs)).toEqual([6342]);
    for (const tauMs of [0, 50, 100, 150, 200, 1500, 2600, 5500, 6000]) {
      // The last token of a prompt is computed in any case.
      const reusable = steps
        .filter(({ gapMs }) => gapMs <= tauMs)
        .reduce((sum, step) => sum + Math.min(step.reusable, step.total - 1), 0);
      expect(Math.round(curve.share(tauMs) * served.promptTokens)).toBe(reusable);
    }
  });
});

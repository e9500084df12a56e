import { describe, expect, it } from "vitest";
import { type LoadgenOptions, runLoadgen } from "../../../lib/capture/loadgen/index.js";
import { optionsFor, start } from "./loadgen-rig.js";

const constant: Partial<LoadgenOptions> = { pattern: "constant", durationMs: 500 };

describe("a constant load", () => {
  it("has as many requests in flight as it was asked for, also while every fourth one fails", async () => {
    const { url } = await start({
      behave: (n) =>
        n % 4 === 1 ? { kind: "hang-up", afterTokens: 1 } : { kind: "answer", firstMs: 20, gapMs: 4 },
    });
    const { trace } = await runLoadgen(optionsFor(url, { ...constant, concurrency: 4 }));
    const { records } = trace;
    expect(records.filter(({ extra }) => extra?.error !== undefined).length).toBeGreaterThan(3);
    expect(Math.max(...records.map(({ concurrency }) => concurrency!))).toBe(4);
    // Time in flight, summed, over four times the run up to its last sending: workers that waited would show.
    const untilMs = Math.max(...records.map(({ arrivalMs }) => arrivalMs!));
    const inFlightMs = records.reduce(
      (sum, { arrivalMs, elapsedMs }) => sum + Math.min(elapsedMs!, untilMs - arrivalMs!),
      0,
    );
    expect(inFlightMs / (4 * untilMs)).toBeGreaterThan(0.9);
    expect(trace.meta.extra).not.toHaveProperty("pauses");
  });

  it("does not storm a server that refuses at once: it sends less and less often, counts that and says so", async () => {
    const { url, received } = await start({
      behave: () => ({ kind: "status", status: 503, message: "full" }),
    });
    const result = await runLoadgen(optionsFor(url, { ...constant, concurrency: 2, durationMs: 600 }));
    // Sent at 0, at once and once more, then 100, 200 and 400 ms apart.
    expect(received.length).toBeGreaterThanOrEqual(8);
    expect(received.length).toBeLessThanOrEqual(12);
    const pauses = result.trace.meta.extra.pauses as { count: number; ms: number };
    expect(pauses.count).toBeGreaterThanOrEqual(2);
    expect(pauses.ms).toBeGreaterThan(150);
    expect(result.warnings.join()).toContain(
      `concurrency was below the level asked for ${pauses.count} times`,
    );
  });

  it("goes on at once after an answer, whatever failed before it", async () => {
    const { url } = await start({
      behave: (n) =>
        n < 6 ? { kind: "status", status: 500, message: "cold" } : { kind: "answer", firstMs: 5 },
    });
    const { trace } = await runLoadgen(optionsFor(url, { ...constant, concurrency: 1, durationMs: 2_500 }));
    const answered = trace.records.filter(({ ttftMs }) => ttftMs !== undefined);
    const gaps = answered
      .slice(1)
      .map((r, i) => r.arrivalMs! - answered[i]!.arrivalMs! - answered[i]!.elapsedMs!);
    expect(answered.length).toBeGreaterThan(10);
    expect([...gaps].sort((a, b) => a - b)[Math.floor(gaps.length / 2)]).toBeLessThan(20);
  }, 20_000);
});

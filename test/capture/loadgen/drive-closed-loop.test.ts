import { describe, expect, it } from "vitest";
import { type LoadgenOptions, runLoadgen } from "../../../lib/capture/loadgen/index.js";
import { answerTogether } from "./fake-server.js";
import { optionsFor, start } from "./loadgen-rig.js";

const constant: Partial<LoadgenOptions> = { pattern: "constant", durationMs: 500 };

describe("a constant load", () => {
  it("has as many requests in flight as it was asked for, also after some have failed", async () => {
    // Two of the first four fail; the other two are answered once two more are there.
    const together = answerTogether(4, 2);
    const { url } = await start({
      behave: (n) => (n < 2 ? { kind: "hang-up", afterTokens: 1 } : together(n)),
    });
    const { trace } = await runLoadgen(optionsFor(url, { ...constant, concurrency: 4, durationMs: 3_000 }));
    const { records } = trace;
    expect(records.filter(({ extra }) => extra?.error !== undefined)).toHaveLength(2);
    expect(Math.max(...records.map(({ concurrency }) => concurrency!))).toBe(4);
    // The last of those answered together found the others under way, and nobody had waited after a failure.
    expect(records[5]?.concurrency).toBe(4);
    expect(trace.meta.extra).not.toHaveProperty("pauses");
  }, 20_000);

  it("does not storm a server that refuses at once: it sends less and less often, counts that and says so", async () => {
    const { url, received } = await start({
      behave: () => ({ kind: "status", status: 503, message: "full" }),
    });
    const result = await runLoadgen(optionsFor(url, { ...constant, concurrency: 2, durationMs: 1_500 }));
    // Each worker: at 0, at once and once more, then at least 100, 200, 400 and 800 ms apart.
    expect(received.length).toBeLessThanOrEqual(14);
    const pauses = result.trace.meta.extra.pauses as { count: number; ms: number };
    expect(pauses.count).toBeGreaterThanOrEqual(2);
    expect(pauses.ms).toBeGreaterThan(0);
    expect(result.warnings.join()).toContain(
      `concurrency was below the level asked for ${pauses.count} times`,
    );
  });

  it("goes on at once after an answer, whatever failed before it", async () => {
    const { url } = await start({
      behave: (n) => (n < 4 ? { kind: "status", status: 500, message: "cold" } : { kind: "answer" }),
    });
    const { trace } = await runLoadgen(optionsFor(url, { ...constant, concurrency: 1, durationMs: 1_500 }));
    expect(trace.records.at(-1)?.ttftMs).toBeDefined();
    // Before the fourth and the fifth sending alone.
    expect((trace.meta.extra.pauses as { count: number }).count).toBe(2);
  }, 20_000);
});

import { describe, expect, it } from "vitest";
import { type LoadgenOptions, runLoadgen } from "../../../lib/capture/loadgen/index.js";
import { isComplete } from "../../../lib/trace/index.js";
import { startFakeServer } from "./fake-server.js";
import { optionsFor, start } from "./loadgen-rig.js";

describe("failures are records with a reason", () => {
  const one: Partial<LoadgenOptions> = { pattern: "burst", burstSize: 1, durationMs: 1 };

  it.each([
    [
      "an HTTP error",
      { kind: "status", status: 503, message: "queue full" },
      "error",
      0,
      "HTTP 503: queue full",
    ],
    ["an error inside the stream", { kind: "stream-error", afterTokens: 2 }, "error", 2, "the engine died"],
    ["a hang-up in mid-stream", { kind: "hang-up", afterTokens: 2 }, "disconnect", 2, ""],
    ["a stream that ends early in good order", { kind: "truncate", afterTokens: 3 }, "truncated", 3, ""],
    ["a server that never answers", { kind: "silence" }, "timeout", 0, "400 ms"],
  ] as const)("%s", async (_title, behaviour, reason, tokens, detail) => {
    const { url } = await start({ behave: () => behaviour });
    const timeoutMs = reason === "timeout" ? 400 : 60_000;
    const { trace, warnings } = await runLoadgen(optionsFor(url, { ...one, timeoutMs }));
    expect(trace.records).toHaveLength(1);
    const record = trace.records[0]!;
    expect(record.finishReason).toBe(reason);
    expect(isComplete(record)).toBe(false);
    expect(record.outputTokens).toBe(tokens);
    expect(record.promptTokens).toBe(40);
    expect(record.ttftMs === undefined).toBe(tokens === 0);
    expect(record.elapsedMs).toBeGreaterThan(0);
    expect(record.extra?.error).toContain(detail);
    expect(warnings.join()).toContain(`1 of 1 requests failed: ${reason}`);
  });

  it("a server that is gone in mid-run: later requests are disconnects, and the run ends", async () => {
    // However many are sent at once, the later ones do not get their answer before the server goes.
    const fake = await startFakeServer({
      behave: (n) => (n < 10 ? { kind: "answer", gapMs: 5 } : { kind: "silence" }),
    });
    const { trace } = await runLoadgen(
      optionsFor(fake.url, { pattern: "poisson", ratePerSecond: 50, sessions: 20 }),
      { onProgress: ({ completed }) => completed >= 3 && void fake.close() },
    );
    expect(trace.records).toHaveLength(20);
    expect(trace.records.some(isComplete)).toBe(true);
    expect(trace.records.at(-1)?.finishReason).toBe("disconnect");
  });
});

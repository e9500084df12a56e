import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { runLoadgen, summariseLoad } from "../../../lib/capture/loadgen/index.js";
import { readTrace } from "../../../lib/trace/files/index.js";
import { answerCharacter } from "./fake-server.js";
import { optionsFor, scratch, start } from "./loadgen-rig.js";

describe("files and interruption", () => {
  it("writes a trace that reads back as the run's own, and leaves no partial file", async () => {
    const { url } = await start();
    const traceOut = join(scratch, "run.jsonl.gz");
    const { trace } = await runLoadgen(
      optionsFor(url, { pattern: "multiturn", ratePerSecond: 100, sessions: 3, turns: 2, prefixTokens: 64 }),
      { traceOut },
    );
    const read = await readTrace(traceOut);
    expect(read.rejected).toEqual([]);
    expect(read.warnings).toEqual([]);
    expect(read.meta).toEqual(trace.meta);
    expect(read.records.map(({ session, turn, ttftMs }) => [session, turn, ttftMs])).toEqual(
      trace.records.map(({ session, turn, ttftMs }) => [session, turn, ttftMs]),
    );
    expect(read.records.map(({ blockIds }) => blockIds!.length)).toEqual(
      trace.records.map(({ blockIds }) => blockIds!.length),
    );
    expect(existsSync(join(scratch, "run.jsonl.partial"))).toBe(false);
  });

  it("stopped in mid-run: finished requests stay, those in flight are aborts, the rest is counted as not sent", async () => {
    const stop = new AbortController();
    let [isAnswered, isPending] = [false, false];
    const stopWhenDue = () => isAnswered && isPending && stop.abort();
    const { url } = await start({
      behave: (n) => {
        if (n < 3) return { kind: "answer" };
        isPending = true;
        stopWhenDue();
        return { kind: "silence" };
      },
    });
    const traceOut = join(scratch, "run.jsonl");
    const result = await runLoadgen(
      optionsFor(url, { pattern: "poisson", ratePerSecond: 20, sessions: 100, durationMs: 60_000 }),
      {
        signal: stop.signal,
        traceOut,
        onProgress: ({ completed }) => {
          isAnswered = completed >= 3;
          stopWhenDue();
        },
      },
    );
    expect(result.stopped).toBe(true);
    const reasons = result.trace.records.map(({ finishReason }) => finishReason);
    expect(reasons.filter((reason) => reason === "length")).toHaveLength(3);
    expect(new Set(reasons)).toEqual(new Set(["length", "abort"]));
    expect(result.trace.records.length + result.notSent).toBe(100);
    expect((await readTrace(traceOut)).records).toHaveLength(result.trace.records.length);
    expect(readFileSync(traceOut, "utf8").split("\n")[0]).toContain(`"not_sent":${result.notSent}`);
  });

  it("never writes the API key, the prompts or the answers", async () => {
    const { url } = await start();
    const traceOut = join(scratch, "run.jsonl");
    const result = await runLoadgen(
      optionsFor(url, {
        pattern: "poisson",
        ratePerSecond: 100,
        sessions: 2,
        promptAs: "text",
        apiKey: "sk-secret",
      }),
      { traceOut },
    );
    const written = readFileSync(traceOut, "utf8") + JSON.stringify(summariseLoad(result));
    expect(written).not.toContain("sk-secret");
    expect(written).not.toContain(answerCharacter(40, 0) + answerCharacter(40, 1) + answerCharacter(40, 2));
  });
});

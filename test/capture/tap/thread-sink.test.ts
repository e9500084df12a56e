import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import type { SeenAnswer, SeenRequest } from "../../../lib/capture/tap/exchange-sink.js";
import { threadSink } from "../../../lib/capture/tap/thread-sink.js";
import { afterTest, eventually, scratchFile } from "../scratch.js";

function request(body: string): SeenRequest {
  const bytes = Uint8Array.from(Buffer.from(body));
  return { target: "/v1/completions", body: bytes, contentEncoding: undefined, credentials: {}, named: {} };
}

function answer(): SeenAnswer {
  return {
    head: undefined,
    body: new Uint8Array(),
    readEnds: new Float64Array(),
    readAtMs: new Float64Array(),
    outcome: "complete",
    arrivalMs: 0,
    endedMs: 1,
    concurrency: 1,
  };
}

function sinkOf() {
  const problems: string[] = [];
  const settled: number[] = [];
  const traceOut = scratchFile("t.jsonl");
  const sink = threadSink(
    {
      upstream: "http://127.0.0.1:1",
      traceOut,
      blockSize: 16,
      recordTokens: false,
      fingerprintKey: undefined,
      startedAtMs: 0,
    },
    { onProblem: (message) => problems.push(message), onSettled: (ids) => settled.push(...ids) },
    new URL("./dying-thread.mjs", import.meta.url),
  );
  afterTest(() => sink.close({}));
  return { sink, problems, settled, starts: () => readFileSync(traceOut, "utf8") };
}

describe("a recording thread that dies", () => {
  it("is told, another goes on with its file on the same clock, and what was lost is counted", async () => {
    const { sink, problems, settled, starts } = sinkOf();
    await sink.opened;
    for (const id of [0, 1]) {
      sink.request(id, request("x"));
      sink.answer(id, answer());
    }
    await eventually("two are recorded", () => sink.recordCount === 2);
    sink.request(2, request("x"));
    sink.request(3, request("die"));
    await eventually("another thread has begun", () => problems.length === 2);
    expect(problems[0]).toContain("recording has stopped: of this request");
    expect(problems[1]).toBe("tap: recording goes on; 2 records are lost");
    expect(starts()).toBe("first\nrecord\nrecord\n7\n");
    // Their second halves come, and are not counted again.
    for (const id of [2, 3]) sink.answer(id, answer());
    sink.request(4, request("x"));
    sink.answer(4, answer());
    await eventually("the third is recorded", () => sink.recordCount === 3);
    expect(sink.lostCount).toBe(2);
    expect([...settled].sort()).toEqual([0, 1, 2, 2, 3, 3, 4]);
    await sink.close({});
    expect(sink.lostCount).toBe(2);
  });

  it("a second time has ended the recording: what comes then is counted as lost, and closing does not hang", async () => {
    const { sink, problems } = sinkOf();
    await sink.opened;
    sink.request(0, request("die"));
    await eventually("another thread has begun", () => problems.length === 2);
    sink.request(1, request("die"));
    await eventually("that is told", () => problems.length === 3);
    expect(problems[2]).toContain("stopped for good");
    sink.request(2, request("x"));
    sink.answer(2, answer());
    sink.pass(3, "too large");
    await sink.close({});
    expect(sink.lostCount).toBe(3);
    expect(sink.notes.unrecorded).toEqual({ "too large": 1 });
  });
});

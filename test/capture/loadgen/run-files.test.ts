import { spawn } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { runLoadgen, summariseLoad } from "../../../lib/capture/loadgen/index.js";
import { readTrace } from "../../../lib/trace/files/index.js";
import { eventually } from "../scratch.js";
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

describe("files that are there", () => {
  const shape = { pattern: "poisson", ratePerSecond: 100, sessions: 2 } as const;

  it("a trace is not replaced, nor what a killed run has left, unless by force; nothing is sent before", async () => {
    const { url } = await start();
    const traceOut = join(scratch, "run.jsonl");
    const run = (force?: boolean) =>
      runLoadgen(optionsFor(url, shape), { traceOut, ...(force !== undefined && { force }) });
    await run();
    const before = readFileSync(traceOut, "utf8");
    await expect(run()).rejects.toThrow(/is there.*--force/);
    expect(readFileSync(traceOut, "utf8")).toBe(before);
    await run(true);
    rmSync(traceOut);
    writeFileSync(`${traceOut}.partial`, before);
    await expect(run()).rejects.toThrow(/a run that was killed has recorded/);
    expect(readFileSync(`${traceOut}.partial`, "utf8")).toBe(before);
    await run(true);
    expect(existsSync(`${traceOut}.partial`)).toBe(false);
    expect((await readTrace(traceOut)).records).toHaveLength(2);
  });

  it("a trace that cannot be written at the end leaves what was recorded, and says where", async () => {
    const { url } = await start();
    const folder = join(scratch, "out");
    mkdirSync(folder);
    const traceOut = join(folder, "run.jsonl");
    const failed = runLoadgen(optionsFor(url, shape), {
      traceOut,
      // A folder in the trace's place, made while the run is under way.
      onProgress: () => mkdirSync(traceOut, { recursive: true }),
    });
    await expect(failed).rejects.toThrow(/run\.jsonl\.partial, 2 of 2 records/);
    expect((await readTrace(`${traceOut}.partial`)).records).toHaveLength(2);
  });

  it("the command stopped by Ctrl-C writes its files", async () => {
    const { url } = await start();
    const traceOut = join(scratch, "run.jsonl");
    const main = fileURLToPath(new URL("../../../dist/cli/main.js", import.meta.url));
    const args = ["loadgen", "--url", url, "--model", "fake", "--pattern", "poisson", "--rate", "50"];
    const flags = [
      "--duration",
      "600",
      "--prompt-tokens",
      "40",
      "--output-tokens",
      "5",
      "--trace-out",
      traceOut,
    ];
    const child = spawn(process.execPath, [main, ...args, ...flags], { stdio: "ignore" });
    const exited = new Promise((resolve) => child.once("close", (code, signal) => resolve(code ?? signal)));
    const partial = `${traceOut}.partial`;
    await eventually("records come", () => existsSync(partial) && statSync(partial).size > 2000);
    child.kill("SIGINT");
    expect(await exited).toBe(1);
    const { records, warnings } = await readTrace(traceOut);
    expect(records.length).toBeGreaterThan(2);
    expect(warnings.filter(({ reason }) => reason.includes("not closed"))).toEqual([]);
    expect(existsSync(partial)).toBe(false);
  });
});

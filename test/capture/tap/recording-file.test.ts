import { mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { gunzipSync, gzipSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { requireContinuable } from "../../../lib/capture/tap/continuable-trace.js";
import { RecordingFile, type RecordingFileOptions } from "../../../lib/capture/tap/recording-file.js";
import { readTrace, writeTrace } from "../../../lib/trace/files/index.js";
import { BlockTable, metaFromJson } from "../../../lib/trace/index.js";
import { eventually, scratchFile } from "../scratch.js";

const kind = { blockSize: 16, fingerprintKey: undefined };
const record = (arrivalMs: number) => ({ promptTokens: 40, outputTokens: 4, arrivalMs, elapsedMs: 10 });
const meta = (startedAtMs: number) =>
  metaFromJson({ source: "tap", block_size: 16, fingerprint: "fnv1a64", started_at: startedAtMs });

async function recordingTo(traceOut: string, options: Partial<RecordingFileOptions> = {}) {
  const problems: string[] = [];
  const startedAtMs = options.startedAtMs ?? 1_000_000;
  const all = { traceOut, kind, isForced: false, startedAtMs, ...options };
  const file = await RecordingFile.open(all, (message) => problems.push(message));
  await file.begin(meta(startedAtMs));
  return { file, problems, add: (arrivalMs: number) => file.append(record(arrivalMs), new BlockTable()) };
}

async function arrivals(path: string): Promise<(number | undefined)[]> {
  return (await readTrace(path)).records.map(({ arrivalMs }) => arrivalMs);
}

describe.each(["t.jsonl", "t.jsonl.gz"])("a recording into %s", (name) => {
  it("goes on in the trace that is there, on its clock, and is closed again with a count", async () => {
    const traceOut = scratchFile(name);
    const first = await recordingTo(traceOut);
    await first.add(5);
    await first.file.close({ "too large": 2 });
    const second = await recordingTo(traceOut, { startedAtMs: 1_060_000 });
    expect(second.file.inFile).toBe(1);
    await second.add(1);
    expect(second.file.written).toBe(1);
    await second.file.close({ "too large": 1, "nested too deep": 1 });
    expect(await arrivals(traceOut)).toEqual([5, 60_001]);
    const { warnings } = await readTrace(traceOut);
    expect(warnings.map(({ reason }) => reason)).toContain(
      "requests passed unrecorded while it was captured: 3 too large, 1 nested too deep",
    );
    const bytes = readFileSync(traceOut);
    const text = (name.endsWith(".gz") ? gunzipSync(bytes) : bytes).toString();
    expect(text.trimEnd().split("\n").at(-1)).toContain('{"end": {"records": 2');
  });

  it("goes on behind the last record, and says so, where the clock was set back", async () => {
    const traceOut = scratchFile(name);
    const first = await recordingTo(traceOut);
    await first.add(9_000);
    await first.file.close({});
    const second = await recordingTo(traceOut, { startedAtMs: 1_001_000 });
    await second.add(0);
    await second.file.close({});
    expect(await arrivals(traceOut)).toEqual([9_000, 9_010]);
    expect(second.problems[0]).toContain("the clock is 8.0 s behind");
  });

  it("replaces it when that is asked for", async () => {
    const traceOut = scratchFile(name);
    const first = await recordingTo(traceOut);
    await first.add(5);
    await first.file.close({});
    const second = await recordingTo(traceOut, { isForced: true });
    await second.add(6);
    await second.file.close({});
    expect(await arrivals(traceOut)).toEqual([6]);
  });

  it("is readable by its owner alone", async () => {
    const traceOut = scratchFile(name);
    await (await recordingTo(traceOut)).file.close({});
    expect(statSync(traceOut).mode & 0o777).toBe(0o600);
  });

  it("has one writer at a time", async () => {
    const traceOut = scratchFile(name);
    const { file } = await recordingTo(traceOut);
    await expect(recordingTo(traceOut)).rejects.toThrow(/is recording into it/);
    await file.close({});
  });
});

describe("a file that a recording cannot go on with", () => {
  const key = Buffer.alloc(32, 1);
  const told = (more: Record<string, unknown>) => `${JSON.stringify({ meta: { source: "tap", ...more } })}\n`;
  const plain = { block_size: 16, fingerprint: "fnv1a64", started_at: 1 };
  it.each([
    ["a text", "an earlier file\n", kind, /is no trace of a tap/],
    ["a text without a line end", "secret", kind, /is no trace of a tap/],
    ["JSON on one line", '{"a": 1}', kind, /is no trace of a tap/],
    ["gzip of another file", gzipSync("hello\n"), kind, /is no trace of a tap/],
    ["a load generator's trace", '{"meta":{"source":"loadgen","block_size":16}}\n', kind, /of "loadgen"/],
    ["other blocks", told({ ...plain, block_size: 32 }), kind, /has blocks of 32 tokens/],
    ["no key", told(plain), { ...kind, fingerprintKey: key }, /recorded without a key/],
    ["a key", told({ ...plain, fingerprint: "hmac-sha256" }), kind, /with a key/],
    [
      "another key",
      told({ ...plain, fingerprint: "hmac-sha256", fingerprint_key_check: "00" }),
      { ...kind, fingerprintKey: key },
      /with another key/,
    ],
    ["no start", told({ ...plain, started_at: undefined }), kind, /does not tell when/],
  ])("%s: is refused, with what to do, and left as it was", async (_what, content, wanted, message) => {
    const traceOut = scratchFile("t.jsonl");
    writeFileSync(traceOut, content);
    const before = readFileSync(traceOut);
    await expect(requireContinuable(traceOut, wanted, false)).rejects.toThrow(message);
    await expect(requireContinuable(traceOut, wanted, false)).rejects.toThrow(/give another path/);
    expect(readFileSync(traceOut).equals(before)).toBe(true);
  });

  it("is not replaced by force where it is no trace, and is where it is one of any kind", async () => {
    const traceOut = scratchFile("t.jsonl");
    writeFileSync(traceOut, "an earlier file\n");
    await expect(requireContinuable(traceOut, kind, true)).rejects.toThrow(/is no trace/);
    await writeTrace(traceOut, {
      meta: metaFromJson({ source: "loadgen" }),
      records: [record(0)],
      blocks: new BlockTable(),
      rejected: [],
      warnings: [],
    });
    await requireContinuable(traceOut, kind, true);
    writeFileSync(traceOut, '{"prompt_tokens": 4, "output_tokens": 1}\n');
    await requireContinuable(traceOut, kind, true);
  });
});

describe("a recording that the disk refuses", () => {
  it("says so once, however many records come, and how many are lost at the end", async () => {
    const { file, problems, add } = await recordingTo("/dev/full");
    for (let i = 0; i < 50; i++) await add(i);
    expect(problems).toEqual([
      "tap: /dev/full: cannot be written (ENOSPC): traffic goes on, records wait and are tried again",
    ]);
    expect(await file.close({})).toBe(50);
    expect(problems.length).toBeLessThanOrEqual(2);
  });

  it("whose folder was deleted says so, counts what is gone, and goes on when the folder is there again", async () => {
    const traceOut = scratchFile("t.jsonl");
    const { file, problems, add } = await recordingTo(traceOut);
    await add(0);
    rmSync(dirname(traceOut), { recursive: true });
    await eventually("that is told", () => problems.length === 1);
    expect(problems[0]).toContain("was deleted while it was recorded, and 1 records with it");
    await add(1);
    mkdirSync(dirname(traceOut));
    await eventually("a new file is begun", () => problems.length === 2);
    expect(problems[1]).toContain("goes on in a new");
    await add(2);
    expect(await file.close({})).toBe(2);
    expect(await arrivals(traceOut)).toEqual([2]);
    expect((await readTrace(traceOut)).meta.source).toBe("tap");
  });
});

import { spawn } from "node:child_process";
import { once } from "node:events";
import {
  appendFileSync,
  existsSync,
  readFileSync,
  rmSync,
  statfsSync,
  statSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { gunzipSync, gzipSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { readTrace, TraceWriter, UnwrittenRecordsError } from "../../lib/trace/files/index.js";
import { BlockTable, type TraceMeta } from "../../lib/trace/index.js";
import { fromRoot } from "../cli/run-cli.js";
import { scratchFolder } from "./helpers.js";
import { smallDisk } from "./small-disk.js";

const scratch = scratchFolder();
const meta: TraceMeta = {
  source: "tap",
  blockSize: 16,
  extra: { fingerprint: "fnv1a64", written_at: "monday" },
};
const names = ["plain.jsonl", "packed.jsonl.gz"];
const record = (k: number) => ({ promptTokens: 48, outputTokens: 3, arrivalMs: 100 * k, ttftMs: 10 + k / 7 });
const arrivals = async (path: string) =>
  (await readTrace(path)).records.map(({ arrivalMs }) => arrivalMs! / 100);
const upTo = (n: number, from = 0) => Array.from({ length: n }, (_, k) => from + k);

/** What concerns the closing of a file among its warnings. */
async function closing(path: string): Promise<string[]> {
  return (await readTrace(path)).warnings
    .map(({ reason }) => reason)
    .filter((text) => /recording/.test(text));
}

async function recorded(name: string, n: number): Promise<string> {
  const path = scratch.path(name);
  rmSync(path, { force: true });
  const writer = await TraceWriter.open(path, { meta });
  for (const k of upTo(n)) await writer.append(record(k));
  await writer.close();
  return path;
}

function text(path: string): string {
  const bytes = readFileSync(path);
  return (path.endsWith(".gz") ? gunzipSync(bytes) : bytes).toString();
}

describe.each(names)("a recording that ends well: %s", (name) => {
  it("says how many records it holds in its last line, and has no lock left", async () => {
    const path = await recorded(name, 5);
    expect(text(path).trimEnd().split("\n").at(-1)).toBe('{"end": {"records": 5}}');
    expect(existsSync(`${path}.lock`)).toBe(false);
    const { records, rejected } = await readTrace(path, { strict: true });
    expect([records.length, rejected.length]).toEqual([5, 0]);
    expect(await closing(path)).toEqual([]);
  });

  it("goes on where it ended, with one meta line and the whole count", async () => {
    const path = await recorded(name, 5);
    for (const from of [5, 8]) {
      const writer = await TraceWriter.resume(path, {
        meta: { ...meta, extra: { ...meta.extra, written_at: "tuesday" } },
        mayDiffer: ["written_at"],
      });
      expect(writer.continued).toMatchObject({
        rows: from,
        records: from,
        latestMs: 100 * (from - 1) + 10 + (from - 1) / 7,
      });
      for (const k of upTo(3, from)) await writer.append(record(k));
      expect(writer.written).toBe(from + 3);
      await writer.close();
    }
    expect(await arrivals(path)).toEqual(upTo(11));
    expect(text(path).match(/"meta"/g)).toHaveLength(1);
    expect(text(path).match(/"end": \{"records": \d+/g)).toEqual(
      [5, 8, 11].map((n) => `"end": {"records": ${n}`),
    );
    expect(await closing(path)).toEqual([]);
  });

  it("goes on where there is nothing yet, or an empty file, or no record", async () => {
    const path = scratch.path(name);
    for (const before of [undefined, "", "meta"] as const) {
      rmSync(path, { force: true });
      if (before === "") writeFileSync(path, "");
      if (before === "meta") await (await TraceWriter.open(path, { meta })).close();
      const writer = await TraceWriter.resume(path, { meta });
      await writer.append(record(0));
      await writer.close();
      expect(await arrivals(path)).toEqual([0]);
      expect(text(path).match(/"meta"/g)).toHaveLength(1);
    }
  });

  it("has one writer: another one is refused, here and in a process of its own", async () => {
    const path = scratch.path(name);
    rmSync(path, { force: true });
    const writer = await TraceWriter.open(path, { meta });
    await writer.append(record(0));
    await expect(TraceWriter.resume(path, { meta })).rejects.toThrow(
      `process ${process.pid} is recording into it`,
    );
    await expect(TraceWriter.open(path, { meta })).rejects.toThrow(/stop that first/);
    expect(await closing(path)).toEqual([
      `the recording is not closed yet: process ${process.pid} is writing it`,
    ]);
    await writer.close();
    expect(await arrivals(path)).toEqual([0]);
  });
});

describe("a recording that is to be continued", () => {
  it.each([
    ["of another block size", { ...meta, blockSize: 32 }, /block_size is 16 in the file and 32 now/],
    [
      "with other fingerprints",
      { ...meta, extra: { fingerprint: "hmac-sha256" } },
      /fingerprint is "fnv1a64" in the file/,
    ],
    ["without fingerprints", { ...meta, extra: {} }, /fingerprint is "fnv1a64" in the file and not told now/],
    ["by another recorder", { ...meta, source: "loadgen" }, /source is "tap" in the file/],
  ])("%s is refused and stays as it was", async (_, other: TraceMeta, reason) => {
    const path = await recorded("other.jsonl", 3);
    const before = readFileSync(path);
    await expect(TraceWriter.resume(path, { meta: other, mayDiffer: ["written_at"] })).rejects.toThrow(
      reason,
    );
    expect(readFileSync(path).equals(before)).toBe(true);
    expect(existsSync(`${path}.lock`)).toBe(false);
  });

  it.each([
    ["notes", "one\ntwo\nthree\n"],
    ["one line without an end", "notes"],
    ["a JSON document", '{\n  "a": 1\n}\n'],
    ["another program's JSON lines", '{"timestamp": 0, "input_length": 3}\n'],
  ])("is a trace: %s are refused and stay as they were", async (_, content) => {
    const path = scratch.write("notes.jsonl", content);
    await expect(TraceWriter.resume(path, { meta })).rejects.toThrow(
      /holds no usable record|holds no record|meta line/,
    );
    expect(readFileSync(path, "utf8")).toBe(content);
  });

  it("is not gzip under another name", async () => {
    const path = scratch.write("named.jsonl", gzipSync('{"meta": {}}\n'));
    await expect(TraceWriter.resume(path, { meta })).rejects.toThrow(/is gzip and not named \.gz/);
  });
});

/** Records in another process until it is killed, which it is once so many records are acknowledged. */
async function killed(path: string, signal: NodeJS.Signals, acknowledged: number): Promise<number> {
  const files = fromRoot("dist", "trace", "files", "index.js");
  const program = `import { TraceWriter } from ${JSON.stringify(files)};
    const writer = await TraceWriter.resume(${JSON.stringify(path)}, { meta: ${JSON.stringify(meta)} });
    for (let k = writer.written; ; k++) {
      await writer.append({ promptTokens: 48, outputTokens: 3, arrivalMs: 100 * k, ttftMs: 10 + k / 7 });
      process.stdout.write(k + "\\n");
    }`;
  const child = spawn(process.execPath, ["--input-type=module", "-e", program], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  let out = "";
  child.stdout.on("data", (chunk) => {
    out += chunk;
    if (out.split("\n").length > acknowledged) child.kill(signal);
  });
  await once(child, "close");
  return Number(out.trimEnd().split("\n").at(-1)) + 1;
}

describe.each(names)("a recorder that is ended by force: %s", (name) => {
  it.each(["SIGKILL", "SIGTERM", "SIGINT"] as const)(
    "%s: every acknowledged record is there, the file says that it was not closed, and goes on",
    async (signal) => {
      const path = scratch.path(name);
      rmSync(path, { force: true });
      let known = await killed(path, signal, 20);
      for (let again = 0; again < 2; again++) {
        const read = await arrivals(path);
        expect(read.length).toBeGreaterThanOrEqual(known);
        expect(read).toEqual(upTo(read.length));
        expect(await closing(path)).toEqual([
          "the recording was not closed: whoever wrote it was stopped; rows in flight are missing",
        ]);
        known = await killed(path, signal, 20);
        expect(known).toBeGreaterThan(read.length);
      }
      const writer = await TraceWriter.resume(path, { meta });
      await writer.close();
      expect(await closing(path)).toEqual([]);
    },
  );

  it("wherever the file was cut: whole rows stay, the cut one goes, and it can be continued", async () => {
    const whole = readFileSync(await recorded(`whole-${name}`, 12));
    for (let cut = 0; cut <= whole.length; cut += name.endsWith(".gz") ? 7 : 41) {
      const path = scratch.write(`cut-${name}`, whole.subarray(0, cut));
      const before = cut === 0 ? [] : await arrivals(path).catch(() => []);
      const writer = await TraceWriter.resume(path, { meta }).catch((error) => error);
      if (before.length === 0 && writer instanceof Error) continue;
      await writer.append(record(99));
      await writer.close();
      expect(await arrivals(path)).toEqual([...before, 99]);
      expect((await readTrace(path, { strict: true })).rejected).toEqual([]);
      expect(await closing(path)).toEqual([]);
    }
  });
});

describe("a trace that was cut", () => {
  it("at a line end says so by the count, or by the missing last line", async () => {
    const path = await recorded("cut.jsonl", 6);
    const lines = text(path).trimEnd().split("\n");
    writeFileSync(path, `${lines.slice(0, 4).join("\n")}\n`);
    expect(await closing(path)).toEqual([
      "the recording was not closed: whoever wrote it was stopped; rows in flight are missing",
    ]);
    writeFileSync(path, `${[...lines.slice(0, 3), ...lines.slice(5)].join("\n")}\n`);
    expect(await closing(path)).toEqual(["the recording was closed with 6 records, 4 were read"]);
    await expect(readTrace(path, { strict: true })).rejects.toThrow(/closed with 6 records, 4 were read/);
  });

  it("says nothing where its writer closed none: a trace without a schema reads as before", async () => {
    const path = scratch.write(
      "old.jsonl",
      '{"meta": {"source": "tap"}}\n{"prompt_tokens": 1, "output_tokens": 1}\n',
    );
    expect(await closing(path)).toEqual([]);
    appendFileSync(path, '{"end": {"records": 1}}\n');
    expect((await readTrace(path, { strict: true })).records).toHaveLength(1);
    expect(await closing(path)).toEqual([]);
    appendFileSync(path, '{"prompt_tokens": 1, "output_tokens": 1}\n');
    expect(await closing(path)).toHaveLength(1);
  });

  it("an end line without a count is a row that cannot be used", async () => {
    const path = scratch.write(
      "bad.jsonl",
      '{"prompt_tokens": 1, "output_tokens": 1}\n{"end": {"records": -1}}\n{"end": 3}\n',
    );
    expect((await readTrace(path)).rejected.map(({ reason }) => reason)).toEqual([
      "end.records must be a non-negative integer, got -1",
      "end must be an object with the number of records",
    ]);
  });
});

const disk = smallDisk(256);

describe.skipIf(disk === undefined)("a disk that is full (skipped where nothing may be mounted)", () => {
  const ballast = join(disk ?? "", "ballast");
  /** Leaves so many kilobytes. */
  const fill = (kilobytes: number) => {
    const { bavail, bsize } = statfsSync(disk!);
    writeFileSync(ballast, Buffer.alloc(bavail * bsize - (kilobytes << 10)));
  };

  it.each(names)(
    "keeps what it took, holds the rest back, and goes on once there is room: %s",
    async (name) => {
      rmSync(ballast, { force: true });
      const path = join(disk!, name);
      const writer = await TraceWriter.open(path, { meta, retryAfterMs: 0 });
      for (const k of upTo(5)) await writer.append(record(k));
      fill(8);
      const refused: number[] = [];
      for (const k of upTo(2000, 5)) await writer.append(record(k)).catch(() => refused.push(k));
      expect(refused.length).toBeGreaterThan(100);
      expect(writer.failure?.message).toMatch(/cannot be written \(ENOSPC\)/);
      expect(writer.waiting).toBe(2005 - writer.written);
      const readable = await arrivals(path);
      expect(readable).toEqual(upTo(writer.written));
      rmSync(ballast);
      await writer.append(record(2005));
      expect([writer.waiting, writer.lost, writer.failure]).toEqual([0, 0, undefined]);
      await writer.close();
      expect(await arrivals(path)).toEqual(upTo(2006));
      expect((await readTrace(path, { strict: true })).rejected).toEqual([]);
      expect(await closing(path)).toEqual([]);
      rmSync(path);
    },
  );

  it.each(names)(
    "that stays full ends in an error that counts, and a file of what fitted: %s",
    async (name) => {
      rmSync(ballast, { force: true });
      const path = join(disk!, name);
      const writer = await TraceWriter.open(path, { meta });
      fill(0);
      for (const k of upTo(2000)) void writer.append(record(k));
      const error = await writer.close().catch((failure) => failure);
      expect(error).toBeInstanceOf(UnwrittenRecordsError);
      expect(error.message).toMatch(/\d+ of 2000 records could not be written \(ENOSPC\)/);
      expect(error.written + error.lost).toBe(2000);
      const left = error.written === 0 ? [] : await arrivals(path);
      expect(left).toEqual(upTo(error.written));
      rmSync(ballast);
      if (error.written > 0) expect(await closing(path)).toHaveLength(1);
      rmSync(path);
    },
  );

  it("costs no more memory than is granted: what comes on top is counted, also in the file", async () => {
    rmSync(ballast, { force: true });
    const path = join(disk!, "bounded.jsonl");
    const writer = await TraceWriter.open(path, { meta, maxWaitingChars: 5000, retryAfterMs: 0 });
    await writer.append(record(0));
    fill(0);
    for (const k of upTo(500, 1)) await writer.append(record(k)).catch(() => {});
    expect(writer.lost).toBeGreaterThan(300);
    expect(writer.lost + writer.waiting + writer.written).toBe(501);
    rmSync(ballast);
    const { lost } = writer;
    await expect(writer.close()).rejects.toThrow(`${lost} of 501 records could not be written (more waited`);
    expect((await arrivals(path)).length).toBe(501 - lost);
    expect(await closing(path)).toEqual([]);
    expect((await readTrace(path)).warnings.map(({ reason }) => reason)).toContainEqual(
      `${lost} records could not be written when it was recorded: they are missing`,
    );
  });
});

describe("a place that never takes anything", () => {
  it("/dev/full: appends are refused, nobody has to await them, and closing counts them", async () => {
    const writer = await TraceWriter.open("/dev/full", { meta });
    for (const k of upTo(5)) void writer.append(record(k));
    const error = await writer.close().catch((failure) => failure);
    expect(error).toBeInstanceOf(UnwrittenRecordsError);
    expect([error.written, error.lost]).toEqual([0, 5]);
    expect(error.message).toMatch(/^\/dev\/full: 5 of 5 records could not be written \(ENOSPC\)/);
  });

  it("a limit on file sizes: what fits stays, and is told", async () => {
    const path = scratch.path("limited.jsonl");
    const files = fromRoot("dist", "trace", "files", "index.js");
    const program = `import { TraceWriter } from ${JSON.stringify(files)};
      const writer = await TraceWriter.open(${JSON.stringify(path)}, { meta: ${JSON.stringify(meta)} });
      for (let k = 0; k < 2000; k++) void writer.append({ promptTokens: 48, outputTokens: 3, arrivalMs: 100 * k });
      await writer.close().catch((error) => process.stdout.write(error.message));`;
    const child = spawn("bash", [
      "-c",
      'ulimit -f 64; exec "$0" --input-type=module -e "$1"',
      process.execPath,
      program,
    ]);
    let out = "";
    child.stdout.on("data", (chunk) => {
      out += chunk;
    });
    expect(await once(child, "close")).toEqual([0, null]);
    expect(out).toMatch(/2000 of 2000 records could not be written \(EFBIG\)/);
    expect(statSync(path).size).toBeLessThan(1000);
  });
});

it("a reader takes a recording of several gzip members, and what a block table holds comes back", async () => {
  const blocks = new BlockTable();
  const path = scratch.path("members.jsonl.gz");
  rmSync(path, { force: true });
  for (const half of [0, 1]) {
    const writer = await TraceWriter.resume(path, { meta, blocks });
    await writer.append({
      ...record(half),
      blockIds: Int32Array.of(blocks.intern(0, 1), blocks.intern(half, 2)),
    });
    await writer.close();
  }
  const { records } = await readTrace(path, { strict: true });
  expect(records.map(({ blockIds }) => blockIds![0])).toEqual([0, 0]);
  truncateSync(path, statSync(path).size - 4);
  expect((await readTrace(path)).records).toHaveLength(2);
});

import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { InputError } from "../../lib/base/index.js";
import {
  type ImportOptions,
  importFormats,
  importTrace,
  readTrace,
  recordToLine,
  writeTrace,
} from "../../lib/trace/files/index.js";
import { importAssumptions, type Trace } from "../../lib/trace/index.js";
import { scratchFolder } from "./helpers.js";

/**
 * A fixture is a folder `fixtures/FORMAT/CASE`: the source `input.*` (a file or a folder), `expected.json`, and, where
 * the case needs them, `options.json` (with `companion`, a file of the folder). Records are expected as lines of the tap schema, since
 * block hashes do not survive JSON.parse. `UPDATE_FIXTURES=1` writes what comes out: read it before committing.
 */
const fixtures = join(dirname(fileURLToPath(import.meta.url)), "fixtures");
const update = process.env.UPDATE_FIXTURES === "1";

function shown(trace: Trace): unknown {
  return {
    meta: trace.meta,
    records: trace.records.map((record) => recordToLine(record, trace.blocks)),
    rejected: trace.rejected,
    warnings: trace.warnings,
  };
}

for (const format of readdirSync(fixtures)) {
  describe(`import of ${format}`, () => {
    it("is offered with a description", () => {
      expect(importFormats.find((known) => known.format === format)?.description).toMatch(/^\S.{20,120}\S$/);
    });
    for (const name of readdirSync(join(fixtures, format))) {
      const folder = join(fixtures, format, name);
      const input = join(folder, readdirSync(folder).find((file) => /^input(\.|$)/.test(file)) ?? "input");
      const optionsPath = join(folder, "options.json");
      const { companion, ...given } = (
        existsSync(optionsPath) ? JSON.parse(readFileSync(optionsPath, "utf8")) : {}
      ) as ImportOptions & { companion?: string };
      const options = companion === undefined ? given : { ...given, companionPath: join(folder, companion) };

      it(`reads ${name} as its expected.json says`, async () => {
        const result = shown(await importTrace(format, input, options));
        const expectedPath = join(folder, "expected.json");
        if (update) writeFileSync(expectedPath, `${JSON.stringify(result, null, 2)}\n`);
        expect(result).toEqual(JSON.parse(readFileSync(expectedPath, "utf8")));
      });

      it(`reads ${name} in order of arrival, within the limits of every record, the same twice`, async () => {
        const trace = await importTrace(format, input, options);
        const arrivals = trace.records.map((record) => record.arrivalMs ?? Number.POSITIVE_INFINITY);
        expect(arrivals).toEqual(arrivals.toSorted((a, b) => a - b));
        for (const record of trace.records) {
          const full = (record.blockIds?.length ?? 0) * (trace.meta.blockSize ?? 16);
          expect(full).toBeLessThanOrEqual(record.promptTokens);
          expect(record.cachedTokens ?? 0).toBeLessThanOrEqual(record.promptTokens);
        }
        expect(shown(await importTrace(format, input, options))).toEqual(shown(trace));
      });

      it(`refuses ${name} under strict where rows were left out`, async () => {
        const trace = await importTrace(format, input, options);
        const strict = importTrace(format, input, { ...options, strict: true });
        if (trace.rejected.length > 0) await expect(strict).rejects.toThrow(InputError);
        else await expect(strict).resolves.toBeDefined();
      });
    }
  });
}

describe("importTrace", () => {
  it("names the formats when it is given another", async () => {
    await expect(importTrace("spreadsheet", "x")).rejects.toThrow(
      /format must be one of mooncake, mooncake-delta, .*got "spreadsheet"/,
    );
  });

  it.each(importFormats.map(({ format }) => format))(
    "%s: a missing file is an InputError with its path",
    async (format) => {
      const error = await importTrace(format, "no such file.json").then(
        () => undefined,
        (e: unknown) => e,
      );
      expect(error).toBeInstanceOf(InputError);
      expect((error as Error).message).toContain("no such file.json");
    },
  );
});

describe("what an import assumed", () => {
  const scratch = scratchFolder();
  const assumed = async (format: string, name: string, text: string) => {
    const trace = await importTrace(format, scratch.write(name, text));
    const assumptions = importAssumptions(trace.meta);
    // Said at the import, and kept for whoever reads the trace.
    expect(trace.warnings.map(({ reason }) => reason)).toEqual(expect.arrayContaining(assumptions));
    const written = scratch.write("written.jsonl", "");
    await writeTrace(written, trace);
    expect(importAssumptions((await readTrace(written)).meta)).toEqual(assumptions);
    return assumptions.join("\n");
  };

  it("of lengths: bytes for tokens, and a limit for an answer that is not there", async () => {
    const body = { messages: [{ role: "user", content: "hello" }], max_tokens: 50 };
    const answered = {
      request: body,
      response: { choices: [{ message: { role: "assistant", content: "hi" } }] },
    };
    const said = await assumed(
      "openai-log",
      "l.jsonl",
      [body, answered].map((row) => JSON.stringify(row)).join("\n"),
    );
    expect(said).toMatch(/text is counted in bytes of UTF-8/);
    expect(said).toMatch(
      /1 of 2 requests have no answer: theirs is taken to be as long as their limit, max_tokens/,
    );
    const told = await assumed("openai-log", "a.jsonl", JSON.stringify(answered));
    expect(told).not.toContain("max_tokens");
  });

  it("of times: a unit that was guessed, starts of conversations, turns with a delay alone", async () => {
    const rows = Array.from({ length: 300 }, (_, i) => ({
      timestamp: i * 0.3,
      input_length: 10,
      output_length: 5,
    }));
    const text = rows.map((row) => JSON.stringify({ ...row, hash_ids: [1] })).join("\n");
    expect(await assumed("mooncake", "s.jsonl", text)).toMatch(/timestamp is read as seconds, a guess/);
    const csv = "session_id,arrival_time,round_idx,prefix_len,input_len,output_len,tool_wait_after_ms\n";
    const rounds = "a,0,0,0,100,10,500\na,0,1,110,50,10,0\n";
    expect(await assumed("tracelab", "w.csv", csv + rounds)).toMatch(
      /1 later turns have a delay instead of an arrival/,
    );
  });
});

describe("runs of vllm bench in one file", () => {
  const scratch = scratchFolder();
  const run = (startS: number, n = 4) => ({
    input_lens: Array.from({ length: n }, () => 100),
    output_lens: Array.from({ length: n }, () => 3),
    ttfts: Array.from({ length: n }, () => 0.1),
    itls: Array.from({ length: n }, () => [0.2, 0.3]),
    start_times: Array.from({ length: n }, (_, i) => startS + i),
  });
  const read = (...runs: object[]) =>
    importTrace("vllm-bench", scratch.write("runs.jsonl", runs.map((one) => JSON.stringify(one)).join("\n")));
  const arrivals = ({ records }: Trace) => records.map(({ arrivalMs = -1 }) => Math.round(arrivalMs));

  it("follow each other on their common clock, not all from its start", async () => {
    const trace = await read(run(1000), run(1100));
    expect(arrivals(trace)).toEqual([0, 1000, 2000, 3000, 100_000, 101_000, 102_000, 103_000]);
    expect(importAssumptions(trace.meta)).toEqual([]);
    expect(trace.records.map(({ extra }) => extra?.run)).toEqual([1, 1, 1, 1, 2, 2, 2, 2]);
  });

  it("are put behind each other where the clock started over, and that is said", async () => {
    // The first run ends 0.6 s after its last request was sent: at 3.6 s.
    const trace = await read(run(1000), run(20), run(21), run(1000, 1));
    expect(arrivals(trace)).toEqual([
      0, 1000, 2000, 3000, 3600, 4600, 5600, 6600, 7200, 8200, 9200, 10_200, 10_800,
    ]);
    expect(importAssumptions(trace.meta).join()).toMatch(/^3 of 4 runs begin, by their clock, before/);
  });
});

describe("the header of a CSV file", () => {
  const scratch = scratchFolder();
  const read = (text: string, options: ImportOptions = {}) =>
    importTrace("csv", scratch.write("h.csv", text), options);

  it("says what to do about columns of other names, or another separator", async () => {
    await expect(read("In,Out\n1,2\n")).rejects.toThrow(/it has In, Out: .*--columns prompt_tokens=COLUMN/);
    await expect(read("prompt_tokens;output_tokens\n1;2\n")).rejects.toThrow(
      /separated by commas, .* by ";"/,
    );
    await expect(read("prompt_tokens\toutput_tokens\n1\t2\n")).rejects.toThrow(
      /separated by commas, .* by "\\t"/,
    );
  });

  it("with a name twice is refused where it is needed, and said where it is not", async () => {
    await expect(read("prompt_tokens,prompt_tokens,output_tokens\n1,2,3\n")).rejects.toThrow(
      /has the column prompt_tokens more than once/,
    );
    const { records, warnings } = await read("prompt_tokens,output_tokens,turn,turn\n1,2,3,4\n");
    expect(records).toHaveLength(1);
    expect(warnings.map(({ reason }) => reason).join()).toContain("the column turn is there more than once");
  });
});

describe("chunk hashes of LMCache", () => {
  const scratch = scratchFolder();

  it("are told apart beyond what a double holds, as numbers and as texts", async () => {
    const row = (hashes: string) =>
      `{"timestamp": 1711929600, "chunk_size": 256, "seq_len": 512, "chunk_hashes": [${hashes}]}`;
    const numbers = [row("9007199254740992, 18014398509481985"), row("9007199254740993, 18014398509481984")];
    const texts = [row(' "0x20000000000000", "40000000000001"'), row('"0x20000000000001", "40000000000000"')];
    for (const lines of [numbers, texts]) {
      const { records, rejected } = await importTrace("lmcache", scratch.write("h.jsonl", lines.join("\n")));
      expect(rejected).toEqual([]);
      expect(new Set(records.flatMap(({ blockIds }) => [...blockIds!])).size).toBe(4);
    }
    // The same hash is the same block in either form.
    const both = await importTrace("lmcache", scratch.write("b.jsonl", [numbers[0], texts[0]].join("\n")));
    expect(new Set(both.records.flatMap(({ blockIds }) => [...blockIds!])).size).toBe(2);
    await expect(importTrace("lmcache", scratch.write("n.jsonl", row("1.5, 2")))).rejects.toThrow(
      /chunk_hashes\[0\]/,
    );
  });
});

describe("a line of LMCache's log that is cut", () => {
  const scratch = scratchFolder();

  it("is counted, and fatal under strict", async () => {
    const row = '{"timestamp": 1711929600, "chunk_size": 256, "seq_len": 300, "chunk_hashes": ["0xa"]}';
    const path = scratch.write("cut.jsonl", `${row}\n${row.slice(0, 40)}\n${row}\n`);
    const { records, rejected } = await importTrace("lmcache", path);
    expect([records.length, rejected.map(({ line }) => line)]).toEqual([2, [2]]);
    await expect(importTrace("lmcache", path, { strict: true })).rejects.toThrow(/line 2/);
  });
});

describe("conversations", () => {
  const scratch = scratchFolder();

  it("counts answers with nothing before them, and conversations without any, which are no requests", async () => {
    const said = (from: string) => ({ from, value: "hello" });
    const rows = [
      [said("gpt"), said("human"), said("gpt")],
      [],
      [said("human")],
      [said("human"), said("gpt")],
    ].map((conversations) => ({ conversations }));
    const trace = await importTrace("conversations", scratch.write("c.json", JSON.stringify(rows)));
    expect(trace.records).toHaveLength(2);
    const reasons = trace.warnings.map(({ reason }) => reason);
    expect(reasons).toContain("1 x answer with no message before it: no request");
    expect(reasons).toContain("2 x conversation without an answer: no request");
  });
});

describe("units off by 1,000", () => {
  const scratch = scratchFolder();

  it("Mooncake timestamps in seconds are read as such, and said; milliseconds are not", async () => {
    const rows = (perRow: number) =>
      Array.from({ length: 300 }, (_, i) =>
        JSON.stringify({ timestamp: i * perRow, input_length: 10, output_length: 5, hash_ids: [i] }),
      ).join("\n");
    const reasons = async (perRow: number) => {
      const trace = await importTrace("mooncake", scratch.write(`${perRow}.jsonl`, rows(perRow)));
      expect(trace.records.at(-1)?.arrivalMs).toBeCloseTo(299 * 300, 6);
      return trace.warnings.map(({ reason }) => reason).join("\n");
    };
    expect(await reasons(0.3)).toContain("timestamp is read as seconds, a guess");
    expect(await reasons(300)).not.toContain("guess");
  });

  it("latencies in microseconds are pointed out by every importer that has them", async () => {
    const rows = Array.from({ length: 20 }, (_, i) => `${i},100,10,${4e6 * (i + 1)},${9e7 + i}`);
    const path = scratch.write(
      "us.csv",
      `arrival_s,prompt_tokens,output_tokens,ttft_ms,elapsed_ms\n${rows.join("\n")}\n`,
    );
    const trace = await importTrace("csv", path);
    expect(trace.warnings.map(({ reason }) => reason).join("\n")).toMatch(
      /ttft_ms: .* looks like microseconds/,
    );
  });
});

import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { InputError } from "../../lib/base/index.js";
import { type ImportOptions, importFormats, importTrace, recordToLine } from "../../lib/trace/files/index.js";
import type { Trace } from "../../lib/trace/index.js";
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

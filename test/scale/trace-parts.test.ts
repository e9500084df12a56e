import { appendFileSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { stream } from "../../lib/base/index.js";
import { summarizeTraceFile, type TraceFileSummary } from "../../lib/scale/index.js";
import type { Trace, TraceRecord } from "../../lib/trace/index.js";
import { syntheticTrace, withTraceFile } from "./synthetic-trace.js";

const windowRequests = 64;

/** All that a summary tells, its sketches bin by bin. */
const told = ({ inspection, ttft }: TraceFileSummary) => ({
  inspection,
  ttft: Object.fromEntries(Object.entries(ttft).map(([cohort, sketch]) => [cohort, sketch.state()])),
});

const summaryIn = async (path: string, parts: number) =>
  told(await summarizeTraceFile(path, { windowRequests, parts, threads: 1 }));

/** The trace with some requests sent again after they failed, some sessions named, some rows late. */
function varied(trace: Trace, seed: number): Trace {
  const random = stream(seed, "varied trace");
  const named = random.integer(2) === 0;
  const records: TraceRecord[] = [];
  for (const record of trace.records) {
    const session = named && random.integer(3) === 0 ? { session: `s${random.integer(40)}` } : {};
    const turn = "session" in session && random.integer(2) === 0 ? { turn: 1 + random.integer(6) } : {};
    records.push({ ...record, ...session, ...turn });
    if (record.finishReason === "error" || random.integer(30) === 0)
      records.push({ ...record, arrivalMs: (record.arrivalMs as number) + 2000 });
  }
  records.sort((a, b) => (a.arrivalMs as number) - (b.arrivalMs as number));
  if (random.integer(2) === 0)
    for (let i = 0; i + 4 < records.length; i += 5)
      records.splice(i, 4, ...records.slice(i, i + 4).reverse());
  return { ...trace, records };
}

/** Puts rows that cannot be used, blank lines and repeated rows into a file, at random places behind its meta line. */
function damage(path: string, seed: number): void {
  const random = stream(seed, "damage");
  const [meta, ...lines] = readFileSync(path, "utf8").trimEnd().split("\n");
  const kept = lines.flatMap((line) => {
    if (random.integer(25) > 0) return [line];
    return [
      ["", line],
      ['{"prompt_tokens": -1}', line],
      [line, line],
      ['{"end": {"records": 3}}', line],
    ][random.integer(4)]!;
  });
  writeFileSync(path, `${[meta, ...kept].join("\n")}${random.integer(2) === 0 ? "\n" : ""}`);
}

describe("a trace in parts", () => {
  it("tells what one pass over it tells, bin by bin: random traces, any number of parts", async () => {
    for (let seed = 1; seed <= 6; seed++) {
      const random = stream(seed, "parts");
      await withTraceFile(varied(syntheticTrace(40 + random.integer(200), seed), seed), async (path) => {
        if (seed % 2 === 0) damage(path, seed);
        const whole = await summaryIn(path, 1);
        expect(whole.inspection.sessions.multiTurn).toBeGreaterThan(5);
        for (const parts of [2, 2 + random.integer(8), 40])
          expect(await summaryIn(path, parts), `seed ${seed}, ${parts} parts`).toEqual(whole);
      });
    }
  });

  it("tells the same of a compressed file", async () => {
    await withTraceFile(syntheticTrace(150, 31), async (path, folder) => {
      const packed = join(folder, "packed.jsonl.gz");
      writeFileSync(packed, gzipSync(readFileSync(path)));
      expect(await summaryIn(packed, 3)).toEqual(await summaryIn(path, 1));
    });
  });

  it("says so when a recording was not closed, or was cut, in whatever part its end is", async () => {
    await withTraceFile(syntheticTrace(150, 32), async (path) => {
      appendFileSync(path, '{"prompt_tokens": 40, "output_t');
      const whole = await summaryIn(path, 1);
      expect(whole.inspection.problems.map(({ reason }) => reason).join("\n")).toMatch(
        /the last line is cut/,
      );
      expect(await summaryIn(path, 4)).toEqual(whole);
    });
  });

  it("refuses to put parts together whose rows are further out of order than a window can tell", async () => {
    const trace = syntheticTrace(200, 33);
    const records = [...trace.records];
    // The last rows come among the first: windows hold them until their time comes.
    records.splice(50, 0, ...records.splice(records.length - 10));
    await withTraceFile({ ...trace, records }, async (path) => {
      await expect(summaryIn(path, 12)).rejects.toThrow(/come in another order than they arrived/);
    });
  });
});

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { stream } from "../../lib/base/index.js";
import { writeTrace } from "../../lib/trace/files/index.js";
import { BlockTable, type Trace, type TraceRecord } from "../../lib/trace/index.js";

/**
 * Sessions of one to five turns over four shared prefixes, Poisson arrivals, thinking for up to 4 s; one request in
 * twenty fails before its first token.
 */
export function syntheticTrace(sessions: number, seed: number): Trace {
  const random = stream(seed, "synthetic trace");
  const blocks = new BlockTable();
  let nextHash = 1;
  const fresh = (): number => blocks.intern(nextHash * 40503, nextHash++ * 2654435761);
  const prefixes = Array.from({ length: 4 }, () => Array.from({ length: 12 }, fresh));
  const records: TraceRecord[] = [];
  let startMs = 0;
  for (let s = 0; s < sessions; s++) {
    startMs += random.exponential(400);
    const turns = 1 + random.integer(5);
    const chain = [...(prefixes[s % 4] as number[])];
    let arrivalMs = startMs;
    for (let turn = 1; turn <= turns; turn++) {
      for (let b = 0; b < 3; b++) chain.push(fresh());
      const failed = random.integer(20) === 0;
      const ttftMs = 40 + random.exponential(60);
      const itlMs = Float64Array.from({ length: 15 }, () => 8 + 4 * random.uniform());
      const elapsedMs = failed ? 900 : ttftMs + itlMs.reduce((sum, gap) => sum + gap, 0);
      records.push({
        promptTokens: chain.length * 16 + 7,
        outputTokens: failed ? 0 : 16,
        cachedTokens: 16 * 12,
        arrivalMs,
        ...(!failed && { ttftMs, itlMs }),
        blockIds: Int32Array.from(chain),
        finishReason: failed ? "error" : "stop",
        elapsedMs,
      });
      arrivalMs += elapsedMs + 100 + 4000 * random.uniform();
    }
  }
  records.sort((a, b) => a.arrivalMs! - b.arrivalMs!);
  return { meta: { blockSize: 16, source: "test", extra: {} }, records, blocks, rejected: [], warnings: [] };
}

/** Writes a trace to a temporary folder, calls `use` with it, and removes it. */
export async function withTraceFile(
  trace: Trace,
  use: (path: string, folder: string) => Promise<void>,
): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "prefixlab-scale-"));
  try {
    const path = join(folder, "trace.jsonl");
    await writeTrace(path, trace);
    await use(path, folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

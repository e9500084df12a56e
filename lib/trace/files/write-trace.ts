import { replaceFile } from "../../output/index.js";
import { metaToLine } from "../meta-line.js";
import type { Trace } from "../trace.js";
import { endToLine } from "./end-line.js";
import { GrowingFile } from "./growing-file.js";
import { recordToLine } from "./record-text.js";

const writeChars = 1 << 20;

/**
 * Writes a whole trace in the tap schema, whole or not at all; a path ending in `.gz` is compressed.
 * @throws WorkError when the file cannot be written: what was there is as it was
 * @example
 * ```ts
 * import { readCapture, readTrace, writeTrace } from "prefixlab";
 * const trace = await readCapture({ role: "judge", scenario: "warm", seed: 1 });
 * await writeTrace("first-turns.jsonl.gz", { ...trace, records: trace.records.filter(({ turn }) => turn === 1) });
 * (await readTrace("first-turns.jsonl.gz")).records.length; // → 64
 * ```
 */
export function writeTrace(path: string, trace: Trace): Promise<void> {
  return replaceFile(path, async (part, flags) => {
    const file = await GrowingFile.open(part, path.endsWith(".gz"), 0, flags);
    try {
      let text = `${metaToLine(trace.meta)}\n`;
      for (const record of trace.records) {
        text += `${recordToLine(record, trace.blocks)}\n`;
        if (text.length < writeChars) continue;
        await file.add(text);
        text = "";
      }
      await file.add(`${text}${endToLine({ records: trace.records.length })}\n`);
      await file.finish();
    } finally {
      await file.close();
    }
  });
}

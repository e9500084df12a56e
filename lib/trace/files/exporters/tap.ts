import { writeTrace } from "../write-trace.js";
import type { Exporter } from "./exporter.js";

/** The tap schema itself: JSON lines, everything that a trace holds. See `record-text.ts` for the fields. */
export const tap: Exporter = {
  format: "tap",
  description: "JSON lines of the tap schema: everything that a trace holds",
  write: (trace, path) => writeTrace(path, trace),
};

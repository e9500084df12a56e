/**
 * Sweeps: many what-ifs of one trace, in parallel, resumable, shardable.
 *
 * Read `sweep-cell.ts` first (what can be varied), then `run-cell.ts` (one what-if), then `run-sweep.ts` (workers and
 * files). Rows hold milliseconds, tokens, blocks and shares, as their names say.
 */
export { runCell, type SweepRow } from "./run-cell.js";
export { runSweep, type SweepOptions, type SweepResult } from "./run-sweep.js";
export {
  cellKey,
  cellsFromJsonLines,
  gridCells,
  parseAxis,
  type SweepCell,
  type SweepParameter,
  sweepParameters,
} from "./sweep-cell.js";
export { SweepStore } from "./sweep-store.js";

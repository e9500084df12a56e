import type { Command } from "commander";
import type { WatchCounts } from "../capture/index.js";

/** The flags that say what of the engine is watched beside the traffic. */
export interface EngineViewFlags {
  /** False: none. */
  readonly metrics?: string | boolean;
  readonly kvEvents?: string;
}

/** Adds them to a command that records. */
export function addEngineViewFlags(command: Command, metricsDefault: string): Command {
  return command
    .option(
      "--metrics <url>",
      `the engine's metrics page, whose counters are recorded beside the trace (default: ${metricsDefault})`,
    )
    .option("--no-metrics", "do not look at any")
    .option(
      "--kv-events <address>",
      "where the engine publishes its KV events, e.g. tcp://127.0.0.1:5557 or ipc:///tmp/kv.sock: what its cache stores and removes is recorded beside the trace",
    );
}

/** What they say, as the library takes it. */
export function engineViewFromFlags(flags: EngineViewFlags): {
  readonly metrics?: string | false;
  readonly kvEvents?: string;
} {
  const { metrics, kvEvents } = flags;
  return {
    ...(metrics === false && { metrics }),
    ...(typeof metrics === "string" && { metrics }),
    ...(kvEvents !== undefined && { kvEvents }),
  };
}

/** What was seen of the engine, in words; undefined when nothing. */
export function watchedText(counts: WatchCounts): string | undefined {
  const { snapshots, batches, missedBatches, storedBlocks, removedBlocks, lostLines } = counts;
  if (snapshots === 0 && batches === 0) return undefined;
  return [
    ...(snapshots > 0 ? [`${snapshots} looks at the engine's counters`] : []),
    ...(batches > 0
      ? [`${batches} batches of KV events (${storedBlocks} blocks stored, ${removedBlocks} removed)`]
      : []),
    ...(missedBatches > 0 ? [`${missedBatches} batches missed`] : []),
    ...(lostLines > 0 ? [`${lostLines} lines that could not be written`] : []),
  ].join(", ");
}

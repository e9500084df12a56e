import { vi } from "vitest";
import { replayCommand } from "../../lib/cli/commands/replay.js";

/** What the page has a number for. */
const compared = [
  "requests",
  "completed",
  "censored",
  "cohorts",
  "virtual_s",
  "busy_fraction",
  "hit_fraction",
  "preemptions",
  "pacing",
  "pacing_from",
  "extrapolated",
  "engine",
  "reuse_tiers",
  "assumptions",
] as const;

/** Runs a command line `npx prefixlab replay ...` with `--json` in this process, and gives those parts of what it prints. */
export async function replayJson(command: string): Promise<Record<string, unknown>> {
  const [, , , ...words] = command.split(" ");
  let text = "";
  const out = vi.spyOn(process.stdout, "write").mockImplementation((chunk) => {
    text += String(chunk);
    return true;
  });
  const err = vi.spyOn(process.stderr, "write").mockImplementation(() => true);
  try {
    await replayCommand().parseAsync([...words, "--json"], { from: "user" });
  } finally {
    out.mockRestore();
    err.mockRestore();
    // Whether a gate held is not what is asked here.
    process.exitCode = 0;
  }
  const document = JSON.parse(text) as Record<string, unknown>;
  const { cohorts } = document as { cohorts: Record<string, Record<string, unknown>> };
  const own = Object.entries(cohorts).map(([name, { n, censored, ttft_ms, itl_ms, total_ms }]) => [
    name,
    { n, censored, ttft_ms, itl_ms, total_ms },
  ]);
  return {
    ...Object.fromEntries(compared.map((key) => [key, document[key]])),
    cohorts: Object.fromEntries(own),
  };
}

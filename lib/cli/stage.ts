/** What a command is at: reading its input, working on it, or writing what came out. */
export type Stage = "read" | "work" | "write";

let current: Stage | undefined;

/**
 * Says that a command goes on to a stage: a mark on Node's timeline (`performance.getEntriesByType("mark")`), with the CPU
 * time spent so far. It costs microseconds; `test/bench/commands.bench.mjs` makes of it what a command spends its time on.
 */
export function enterStage(stage: Stage): void {
  if (stage === current) return;
  current = stage;
  performance.mark(`prefixlab:${stage}`, { detail: process.cpuUsage() });
}

import { availableParallelism, cpus, loadavg, platform, release, totalmem } from "node:os";

/** What a run was measured on. A load average above the number of cores says that other work disturbed it. */
export function describeMachine() {
  return {
    processor: cpus()[0]?.model ?? "unknown",
    cores: availableParallelism(),
    memoryBytes: totalmem(),
    system: `${platform()} ${release()}`,
    node: process.version,
    loadAverage: loadavg()[0],
  };
}

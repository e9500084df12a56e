// Loaded into a command before it starts (node --import): at its end, what it did when and with how much CPU and memory, as
// JSON in the file that PREFIXLAB_STAGE_TIMES names.
import { writeFileSync } from "node:fs";
import { isMainThread } from "node:worker_threads";

const file = process.env.PREFIXLAB_STAGE_TIMES;
if (file && isMainThread)
  process.on("exit", () => {
    const marks = performance
      .getEntriesByType("mark")
      .filter(({ name }) => name.startsWith("prefixlab:"))
      .map(({ name, startTime, detail }) => ({ stage: name.slice(10), atMs: startTime, cpu: detail }));
    const { maxRSS } = process.resourceUsage();
    writeFileSync(
      file,
      JSON.stringify({
        marks,
        endMs: performance.now(),
        cpu: process.cpuUsage(),
        peakRssBytes: maxRSS * 1024,
      }),
    );
  });

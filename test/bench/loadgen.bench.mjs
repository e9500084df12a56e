// How late the load generator sends at 200 requests a second, beside how late the machine wakes a process that only
// waits for the same times. Client and upstream are two processes. Reads the built library:
// `node test/bench/loadgen.bench.mjs`.
import { pathToFileURL } from "node:url";
import { loadgenOptions, runLoadgen } from "../../dist/capture/index.js";
import { waitUntil } from "../../dist/capture/loadgen/wait-until.js";
import { startUpstream } from "./start-upstream.mjs";
import { aimed, below } from "./yardstick.mjs";

const RATE_PER_SECOND = 200;
const SECONDS = 20;
const PROMPT_TOKENS = 512;
const OUTPUT_TOKENS = 16;

const quantile = (values, p) => values[Math.min(values.length - 1, Math.floor(p * values.length))];

/** Lateness of waiting alone, at the same rate: what the machine and its other processes cost. */
async function idleLatenessMs(seconds) {
  const started = performance.now();
  const lateness = [];
  for (let i = 1; i < RATE_PER_SECOND * seconds; i++) {
    const due = started + (i * 1000) / RATE_PER_SECOND;
    await waitUntil(due);
    lateness.push(performance.now() - due);
  }
  return lateness.sort((a, b) => a - b);
}

/** Send lag of an open-loop run: from when a request is due to when its bytes go out. */
export async function bench() {
  const upstream = await startUpstream();
  try {
    const idle = await idleLatenessMs(5);
    const options = loadgenOptions({
      url: upstream.url,
      model: "m",
      pattern: "poisson",
      ratePerSecond: RATE_PER_SECOND,
      durationMs: SECONDS * 1000,
      promptTokens: PROMPT_TOKENS,
      outputTokens: OUTPUT_TOKENS,
      promptAs: "ids",
      tokenIdRange: [0, 50_000],
      warmup: 50,
    });
    const cpuBefore = process.cpuUsage();
    const { sendLag, trace, loop } = await runLoadgen(options);
    const cpu = process.cpuUsage(cpuBefore);
    return [
      {
        case: `loadgen, ${RATE_PER_SECOND} requests/s of ${PROMPT_TOKENS} tokens in and ${OUTPUT_TOKENS} out: send lag, p99`,
        unit: "ms",
        value: sendLag.p99Ms,
        ...aimed(below(2), sendLag.p99Ms),
        p50Ms: sendLag.p50Ms,
        maxMs: sendLag.maxMs,
        idleP99Ms: quantile(idle, 0.99),
        loop,
        requests: trace.records.length,
        coreShare: (cpu.user + cpu.system) / 1e6 / SECONDS,
      },
    ];
  } finally {
    upstream.stop();
  }
}

if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href)
  console.log(JSON.stringify(await bench(), null, 2));

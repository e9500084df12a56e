// The figure: its two replays (cache on, cache off), and the comparison of a capture with its replay.
import { existsSync } from "node:fs";
import { join } from "node:path";
import {
  capturedEngine,
  compareTraces,
  dataDir,
  fitLatency,
  inferSessions,
  latencyProfile,
  readCapture,
  readCaptures,
  replay,
} from "prefixlab";
import { multiturnTrace } from "./multiturn-trace.mjs";
import { atLeast, below, medianSeconds, result } from "./yardstick.mjs";

export async function bench() {
  const { captured, model, from } = await inputs();
  const sessions = inferSessions(captured);
  const engine = capturedEngine(captured.meta);
  const run = (enablePrefixCaching) =>
    replay({ trace: captured, sessions }, { model, seed: 1, engine: { ...engine, enablePrefixCaching } });
  let virtualMs = 0;
  const both = () => {
    virtualMs = run(true).virtualMs + run(false).virtualMs;
  };
  // Compiled code is part of the interest: a figure is drawn once, so the first run is told as well.
  const firstMs = timeMs(both);
  const seconds = medianSeconds(both, 15);
  const modeled = [run(true).trace];
  const compare = () => compareTraces({ trace: captured, sessions }, { modeled });
  const compareSeconds = medianSeconds(compare, 7);
  const n = captured.records.length;
  return [
    result({
      name: `figure's two replays, ${n} requests of ${from}`,
      value: 1000 * seconds,
      unit: "ms",
      aim: below(50),
      seconds,
      firstMs,
    }),
    result({
      name: "figure's two replays: virtual time over real time",
      value: virtualMs / 1000 / seconds,
      unit: "x real time",
      aim: atLeast(5000),
    }),
    result({
      name: `compareTraces, ${n} requests, 400 replicates`,
      value: 1000 * compareSeconds,
      unit: "ms",
      aim: below(150),
      seconds: compareSeconds,
    }),
  ];
}

async function inputs() {
  if (!existsSync(join(dataDir(), "inventory.json")))
    return {
      captured: multiturnTrace(),
      model: latencyProfile("h200-qwen3-8b"),
      from: "a synthetic capture",
    };
  const captured = await readCapture({ role: "judge", scenario: "warm", seed: 1 });
  return { captured, model: fitLatency(await readCaptures({ role: "fit" })).model, from: "the warm capture" };
}

function timeMs(work) {
  const startedMs = performance.now();
  work();
  return performance.now() - startedMs;
}

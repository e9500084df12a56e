// Kaplan-Meier of a million observations against sorting the same times as a Float64Array.
import { pathToFileURL } from "node:url";
import { kaplanMeier } from "prefixlab/survival";
import { below, draws, medianSeconds, result } from "./yardstick.mjs";

const n = 1_000_000;

/** One case a share of censoring: seconds, the sort's seconds, and their ratio. */
export function bench() {
  return [0, 0.2, 0.5].map((censored) => {
    const next = draws(12345);
    const times = Float64Array.from({ length: n }, () => -Math.log(next()) * 1000);
    const observed = Uint8Array.from({ length: n }, () => (next() < censored ? 0 : 1));
    const yardstickSeconds = medianSeconds(() => times.slice().sort(), 5);
    const seconds = medianSeconds(() => kaplanMeier({ times, observed }), 5);
    return result({
      name: `kaplanMeier, 1M times, ${100 * censored} % censored`,
      value: seconds / yardstickSeconds,
      unit: "x the sort",
      aim: below(2),
      seconds,
      yardstick: "sort of the same times",
      yardstickSeconds,
    });
  });
}

if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href) console.table(bench());

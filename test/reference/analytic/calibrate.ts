/**
 * Fits the factors of lib/latency/analytic-factors.ts on half of the pairs of model and card in step-times.csv, and reports
 * on the other half. Prints factors, to be written there to three digits, and errors (`--report`: of those that are there):
 *
 *     npx tsc -p test/tsconfig.json --noEmit false --outDir out/test
 *     node out/test/test/reference/analytic/calibrate.js
 */
import { calibratedCards, calibratedFactors } from "../../../lib/latency/index.js";
import { calibrate, calibrationLoss, halves, knobs, stepErrors, summary } from "./calibration.js";
import { readMeasuredSetups } from "./step-times.js";

const setups = readMeasuredSetups();
const { calibrating, keptBack } = halves(setups);
/** Far from any answer: half of everything, and 0.02 ms a layer and an exchange. */
const plain = { common: calibratedFactors, cards: calibratedCards };
const start = knobs(plain).reduce((of, knob) => knob.write(of, knob.name.includes("Ms") ? 0.02 : 0.5), plain);
const fitted = process.argv.includes("--report") ? plain : calibrate(calibrating, start);
for (const knob of knobs(fitted)) console.log(`${knob.name} ${knob.read(fitted).toPrecision(3)}`);

const percent = (share: number) => `${(100 * share).toFixed(1)} %`;
const line = (name: string, errors: ReturnType<typeof stepErrors>) => {
  const { n, median, p90, within30 } = summary(errors);
  console.log(
    `${name}: ${n} steps, median ${percent(median)}, nine of ten within ${percent(p90)}, within 30 %: ${percent(within30)}`,
  );
};
const pairs = (of: typeof setups) => new Set(of.map(({ pair }) => pair)).size;
console.log(`loss ${calibrationLoss(calibrating, fitted).toFixed(4)}`);
line(`fitted on (${pairs(calibrating)} pairs)`, stepErrors(calibrating, fitted));
const errors = stepErrors(keptBack, fitted);
line(`kept back (${pairs(keptBack)} pairs)`, errors);
for (const kind of ["prefill", "decode"])
  line(
    `  ${kind}`,
    errors.filter(({ step }) => step.kind === kind),
  );
for (const pair of new Set(keptBack.map((setup) => setup.pair)))
  line(
    `  ${pair}`,
    errors.filter(({ setup }) => setup.pair === pair),
  );

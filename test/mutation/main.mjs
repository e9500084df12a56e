// How many of a room's mutants its tests find: `npm run mutate -- --room fit`. See REPORT.md beside this file.
import { readdirSync, readFileSync } from "node:fs";
import { basename, dirname, join, relative, sep } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import seedrandom from "seedrandom";
import { instrument } from "./instrument.mjs";
import { Planner } from "./planner.mjs";
import { printSummary, writeReport } from "./report.mjs";
import { WorkerProcess } from "./worker-process.mjs";

const root = join(dirname(fileURLToPath(import.meta.url)), "..", "..");
const { values: flags } = parseArgs({
  options: {
    room: { type: "string", multiple: true },
    file: { type: "string", multiple: true },
    sample: { type: "string" },
    seed: { type: "string", default: "1" },
    jobs: { type: "string", default: "2" },
    verbose: { type: "boolean", default: false },
    help: { type: "boolean", default: false },
  },
});

if (flags.help || !flags.room) {
  console.log(`npm run mutate -- --room fit [--file service-curve.ts] [--sample 300] [--seed 1] [--jobs 2] [--verbose]

--room     a folder of lib, tested by the folder of test of the same name; may be repeated
--file     only these files of it; the report is not written
--sample   only so many mutants, drawn with --seed; the report says so
--seed     also of the random cases that the tests draw
--verbose  says of every mutant which test found it

The run of a room writes its part of test/mutation/REPORT.md; reasons of survivors are kept in reasons.json.
Exit code 1: below 85 %, or a survivor without a reason.`);
  process.exit(flags.help ? 0 : 2);
}

/** A whole page of numbers changes with any of them: it would find every mutant, and tell no one which. */
const leftOut = new Set(["accuracy-page.test.ts"]);

let isGood = true;
for (const room of flags.room) if (!(await measureRoom(room))) isGood = false;
process.exit(isGood ? 0 : 1);

async function measureRoom(room) {
  const startedAt = performance.now();
  const sources = filesUnder(join(root, "lib", room), ".ts").filter(isWrittenByHand);
  const testFiles = filesUnder(join(root, "test", room), ".test.ts").filter(
    (path) => !leftOut.has(basename(path)),
  );
  if (sources.length === 0 || testFiles.length === 0)
    throw new Error(`no room with tests: lib/${room}, test/${room}`);

  const recording = {};
  const switching = {};
  const mutants = [];
  for (const path of sources) {
    const text = readFileSync(path, "utf8");
    const file = relative(root, path).split(sep).join("/");
    const firstId = mutants.length + 1;
    recording[path] = instrument(file, text, { firstId, record: true }).code;
    const { code, mutants: made } = instrument(file, text, { firstId });
    switching[path] = code;
    for (const mutant of made) mutants.push({ ...mutant, file });
  }

  const recorder = new WorkerProcess({ root, instrumented: recording, seed: Number(flags.seed) });
  const { recorded } = await recorder.ask({ record: testFiles });
  recorder.end();
  for (const [path, { failedTest }] of Object.entries(recorded.files))
    if (failedTest !== undefined) throw new Error(`fails without a mutant: ${path}: ${failedTest}`);

  const chosen = choose(mutants);
  console.log(
    `${room}: ${mutants.length} mutants in ${sources.length} files, ${chosen.length} tried; ${testFiles.length} test files`,
  );
  const plans = new Planner(recorded);
  const queue = chosen.map((mutant) => ({ mutant, ...plans.of(mutant) }));
  const results = [];
  const worker = async () => {
    const process_ = new WorkerProcess({ root, instrumented: switching, seed: Number(flags.seed) });
    for (let next = queue.shift(); next; next = queue.shift()) {
      const { mutant, plan, isStatic, ms } = next;
      const result = { ...mutant, status: "not reached", by: undefined };
      if (plan.length > 0) {
        const answer = await process_.ask({ try: { id: mutant.id, isStatic, plan } }, 30_000 + 20 * ms);
        Object.assign(result, answer === undefined ? { status: "timed out" } : answer.tried);
      }
      results.push(result);
      if (flags.verbose)
        console.log(`${result.status}: ${mutant.key}${result.by ? `  <- ${result.by}` : ""}`);
      else if (results.length % 100 === 0) console.log(`  ${results.length} of ${chosen.length}`);
    }
    const sound = await process_.ask({ try: { id: 0, isStatic: false, plan: plans.everything() } });
    process_.end();
    if (sound?.tried.status !== "survived") throw new Error(`fails without a mutant: ${sound?.tried.by}`);
  };
  await Promise.all(Array.from({ length: Number(flags.jobs) }, worker));
  results.sort((a, b) => a.id - b.id);

  const measured = {
    room,
    mutants: mutants.length,
    results,
    minutes: (performance.now() - startedAt) / 60_000,
    tests: Object.values(recorded.files).reduce((sum, { count }) => sum + count, 0),
    sampled: flags.sample !== undefined,
    seed: Number(flags.seed),
  };
  const isGood = printSummary(measured);
  if (!flags.file) writeReport(measured);
  return isGood;
}

function choose(mutants) {
  const wanted = flags.file
    ? mutants.filter(({ file }) => flags.file.some((name) => basename(file) === basename(name)))
    : mutants;
  if (flags.sample === undefined) return wanted;
  const random = seedrandom.alea(`${flags.seed}/mutants`);
  const drawn = wanted.map((mutant) => ({ mutant, at: random() }));
  drawn.sort((a, b) => a.at - b.at);
  return drawn.slice(0, Number(flags.sample)).map(({ mutant }) => mutant);
}

/** Tables that a script wrote are compared with what it wrote beside them. */
function isWrittenByHand(path) {
  return !/^\/\*\* Written by /m.test(readFileSync(path, "utf8"));
}

function filesUnder(folder, ending) {
  return readdirSync(folder, { recursive: true })
    .filter((name) => name.endsWith(ending) && basename(name) !== "index.ts")
    .map((name) => join(folder, name))
    .sort();
}

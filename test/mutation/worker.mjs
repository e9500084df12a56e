// Runs a room's tests in one warm process, again and again, with one mutant switched on at a time.
// Told by messages: `start` with the instrumented sources, then `record` or `try`.
import { readFileSync } from "node:fs";
import Module, { createRequire } from "node:module";
import { sep } from "node:path";
import { pathToFileURL } from "node:url";
import ts from "typescript";

const require = createRequire(import.meta.url);
// The runner and the assertions that vitest itself stands on.
const ofVitest = createRequire(require.resolve("vitest"));
const { startTests, getFn, ...collecting } = ofVitest("@vitest/runner");
const chai = ofVitest("chai");
const { JestChaiExpect, JestExtend, JestAsymmetricMatchers, getState, setState } = ofVitest("@vitest/expect");

for (const plugin of [JestExtend, JestChaiExpect, JestAsymmetricMatchers]) chai.use(plugin);
const expect = Object.assign((value, message) => chai.expect(value, message), chai.expect);
Object.assign(expect, globalThis[Symbol.for("asymmetric-matchers-object")] ?? {});
setState({ ...getState(expect), assertionCalls: 0 }, expect);
const vitest = { ...collecting, expect };

class LoopDidNotEnd extends Error {}

/** The switch that instrumented code reads. */
const mutants = {
  on: 0,
  turns: 0,
  mostTurns: Number.POSITIVE_INFINITY,
  overran: false,
  reached: new Set(),
  reachedAtLoad: new Set(),
  loading: 0,
  stop() {
    mutants.overran = true;
    throw new LoopDidNotEnd("more turns than a loop of this test takes");
  },
  reach(id, count = 1) {
    const into = mutants.loading > 0 ? mutants.reachedAtLoad : mutants.reached;
    for (let i = id; i < id + count; i++) into.add(i);
  },
};
globalThis.__mutants = mutants;

let root = "";
let instrumented = {};
const compiled = new Map();

function compile(filename) {
  const cached = compiled.get(filename);
  if (cached !== undefined) return cached;
  const text = instrumented[filename] ?? readFileSync(filename, "utf8");
  const { outputText } = ts.transpileModule(text.replaceAll("import.meta.url", "__fileUrl"), {
    fileName: filename,
    compilerOptions: {
      target: ts.ScriptTarget.ES2022,
      module: ts.ModuleKind.CommonJS,
      esModuleInterop: true,
    },
  });
  const url = JSON.stringify(pathToFileURL(filename).href);
  const code = `const __fileUrl = ${url};${outputText}`;
  compiled.set(filename, code);
  return code;
}

Module._extensions[".ts"] = (module, filename) => {
  const isLibrary = filename.startsWith(`${root}${sep}lib${sep}`);
  if (isLibrary) mutants.loading++;
  try {
    module._compile(compile(filename), filename);
  } finally {
    if (isLibrary) mutants.loading--;
  }
};
const resolveFilename = Module._resolveFilename;
Module._resolveFilename = function (request, parent, ...rest) {
  const fromTypeScript = parent?.filename?.endsWith(".ts") && request.startsWith(".");
  const source = fromTypeScript ? request.replace(/\.js$/, ".ts") : request;
  return resolveFilename.call(this, source, parent, ...rest);
};
const load = Module._load;
Module._load = function (request, ...rest) {
  return request === "vitest" ? vitest : load.call(this, request, ...rest);
};

function forget(isForgotten) {
  for (const path of Object.keys(require.cache))
    if (path.startsWith(root) && path.endsWith(".ts") && isForgotten(path)) delete require.cache[path];
}

/**
 * One run of one test file.
 * @param options.select which tests run, by their place in the file; all where the file holds another number of them
 * @param options.turns most turns of loops of each test, by its place; `beforeTests` for all else
 */
async function runFile(filepath, { select, turns, expected, onTest, stopAtFailure }) {
  forget((path) => path.startsWith(`${root}${sep}test${sep}`));
  const outcome = { failedTest: undefined, tests: 0 };
  const orders = new Map();
  const fail = (name) => {
    outcome.failedTest ??= name;
  };
  const allow = (most) => {
    mutants.turns = 0;
    mutants.mostTurns = most ?? Number.POSITIVE_INFINITY;
  };
  const runner = {
    config: {
      root,
      setupFiles: [],
      sequence: { shuffle: false, concurrent: false, seed: 1, hooks: "stack", setupFiles: "list" },
      testTimeout: 600_000,
      hookTimeout: 600_000,
      maxConcurrency: 1,
      passWithNoTests: true,
      retry: 0,
      includeTaskLocation: false,
      diffOptions: { expand: false },
      allowOnly: true,
      tags: [],
    },
    pool: "forks",
    async importFile(path) {
      allow(turns?.beforeTests);
      require(path);
    },
    onCollected([file]) {
      const tests = [];
      (function walk(task) {
        if (task.type === "test") tests.push(task);
        else for (const child of task.tasks) walk(child);
      })(file);
      outcome.tests = tests.length;
      tests.forEach((test, place) => {
        orders.set(test.id, place);
        const isKnown = expected === undefined || tests.length === expected;
        if (select && isKnown && !select.includes(place) && test.mode === "run") test.mode = "skip";
      });
      if (select) for (const task of file.tasks) skipEmpty(task);
      if (file.result?.state === "fail") fail("(the test file itself)");
    },
    onBeforeRunTask(test) {
      if (stopAtFailure && outcome.failedTest !== undefined) test.mode = "skip";
      onTest?.("before", orders.get(test.id), test);
      allow(turns?.[orders.get(test.id)]);
    },
    async runTask(test) {
      try {
        await getFn(test)();
      } catch {
        // The error itself may hold a whole trace, and vitest would write out how it differs from another.
        fail(test.name);
        throw new Error("failed");
      } finally {
        if (mutants.overran) fail(test.name);
      }
    },
    onAfterRunTask(test) {
      onTest?.("after", orders.get(test.id), test);
      allow(turns?.beforeTests);
    },
    onAfterRunSuite(suite) {
      if (suite.result?.state === "fail") fail(`(before or after ${suite.name})`);
    },
  };
  const log = console.log;
  console.log = () => {};
  try {
    const [file] = await startTests([filepath], runner);
    if (file.result?.state === "fail") fail("(the test file itself)");
  } finally {
    console.log = log;
  }
  return outcome;
}

/** A suite of which no test runs needs no hooks. */
function skipEmpty(task) {
  if (task.type !== "suite") return task.mode === "run";
  const runs = task.tasks.map(skipEmpty).some(Boolean);
  if (!runs) task.mode = "skip";
  return runs;
}

/** What each test reaches and takes, without any mutant. */
async function record(testFiles) {
  const files = {};
  for (const filepath of testFiles) {
    const tests = {};
    let startedAt = performance.now();
    let outsideTests = 0;
    let most = 0;
    const outside = new Set();
    const take = (into) => {
      for (const id of mutants.reached) into.add(id);
      mutants.reached.clear();
    };
    const outcome = await runFile(filepath, {
      onTest(when, place, test) {
        const now = performance.now();
        if (when === "before") {
          outsideTests += now - startedAt;
          most = Math.max(most, mutants.turns);
          take(outside);
        } else {
          const reached = new Set();
          take(reached);
          tests[place] = {
            name: test.name,
            ms: now - startedAt,
            turns: mutants.turns,
            reached: [...reached],
          };
        }
        startedAt = now;
      },
    });
    most = Math.max(most, mutants.turns);
    take(outside);
    files[filepath] = {
      tests,
      count: outcome.tests,
      failedTest: outcome.failedTest,
      outside: { ms: outsideTests + performance.now() - startedAt, turns: most, reached: [...outside] },
    };
  }
  return { files, reachedAtLoad: [...mutants.reachedAtLoad] };
}

/** Whether any of the planned tests fails under a mutant. */
async function tryMutant({ id, isStatic, plan }) {
  mutants.on = id;
  mutants.overran = false;
  let status = "survived";
  let by;
  if (isStatic) forget(() => true);
  for (const { filepath, select, turns, expected } of plan) {
    const { failedTest } = await runFile(filepath, { select, turns, expected, stopAtFailure: true });
    if (failedTest === undefined && !mutants.overran) continue;
    status = mutants.overran ? "timed out" : "killed";
    by = `${filepath}: ${failedTest}`;
    break;
  }
  mutants.on = 0;
  if (isStatic) forget(() => true);
  return { id, status, by };
}

process.on("message", async (message) => {
  if (message.start) {
    ({ root, instrumented } = message.start);
    // Every mutant meets the same random cases, and a failing case is not made smaller.
    require("fast-check").configureGlobal({ seed: message.start.seed, endOnFailure: true });
    process.send({ ready: true });
  } else if (message.record) process.send({ recorded: await record(message.record) });
  else if (message.try) process.send({ tried: await tryMutant(message.try) });
});

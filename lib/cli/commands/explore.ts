import { basename, isAbsolute } from "node:path";
import { Command } from "commander";
import { InputError } from "../../base/index.js";
import { type ExploredModel, type ExploredTrace, renderExplorer } from "../../explore/index.js";
import { latencyProfile, profileNames } from "../../latency/index.js";
import { writeWhole } from "../../output/index.js";
import { sessionsOf } from "../../sessions/index.js";
import {
  addLatencyFlags,
  givenLatencyFlags,
  type LatencyFlags,
  latencyFromFlags,
} from "../latency-source.js";
import { readInput } from "../read-input.js";
import { refuseOverwrite } from "../refuse-overwrite.js";
import { addSessionFlags, reportSessions, type SessionFlags, sessionsFromFlags } from "../session-flags.js";
import { printErr, printOut } from "../terminal.js";

interface ExploreFlags extends LatencyFlags, SessionFlags {
  readonly out: string;
  readonly strict?: boolean;
  readonly json?: boolean;
}

/** The `explore` command: a page in which the simulator runs. */
export function exploreCommand(): Command {
  const command = new Command("explore")
    .description(
      "A page with the simulator inside: change the engine and the load, and see what becomes of TTFT.",
    )
    .argument("<trace...>", "traces to explore")
    .option("--out <file>", "page to write", "explore.html")
    .option("--strict", "a bad row is fatal")
    .option("--json", "print one JSON document");
  return addSessionFlags(addLatencyFlags(command))
    .addHelpText(
      "after",
      `
The page is one file. It opens without a network and asks for nothing; every change of a setting is a replay in a worker
of the browser, with the numbers of 'prefixlab replay', whose command line the page shows. It holds counts, times and
block ids of the trace: no hashes, keys, prompts or names of requests. The command line in it names the trace by its path
as given here, an absolute one by the file's name.

Without a latency model, steps are fitted on the traces themselves where they have latencies, else a profile is assumed;
in the page any built-in profile can be chosen.

Examples:
  npx prefixlab explore data/warm-1.jsonl.gz --latency-trace data/fit-sweep-1.jsonl.gz --out explore.html
  npx prefixlab explore mine.jsonl.gz --profile h100-llama-3.1-8b
`,
    )
    .action(runExplore);
}

async function runExplore(paths: readonly string[], flags: ExploreFlags): Promise<void> {
  const inputs = [...paths, ...(flags.latencyTrace ?? []), flags.latencyModel, flags.modelConfig];
  refuseOverwrite(
    flags.out,
    inputs.filter((path) => path !== undefined),
  );
  const traces: ExploredTrace[] = [];
  for (const path of paths) {
    const trace = await readInput(path, { strict: flags.strict ?? false });
    const sessions = sessionsOf(trace, sessionsFromFlags(flags));
    reportSessions(path, sessions);
    const sure = flags.minConfidence === undefined ? "" : ` --min-confidence ${flags.minConfidence}`;
    traces.push({
      workload: { trace, sessions },
      name: basename(path).replace(/\.jsonl(\.gz)?$/, ""),
      path: `${shown(path)}${sure}`,
    });
  }
  const models = await modelsFor(paths, traces, flags);
  const html = renderExplorer({ traces, models });
  await writeWhole(flags.out, html);
  const requests = traces.reduce((sum, { workload }) => sum + workload.trace.records.length, 0);
  const bytes = Buffer.byteLength(html);
  printOut(
    flags.json
      ? `${JSON.stringify({ out: flags.out, bytes, requests, latency: models[0]?.label ?? null }, null, 2)}\n`
      : `wrote ${flags.out}: ${requests} requests, ${(bytes / 1e6).toFixed(1)} MB; open it in a browser\n`,
  );
}

async function modelsFor(
  paths: readonly string[],
  traces: readonly ExploredTrace[],
  flags: ExploreFlags,
): Promise<ExploredModel[]> {
  if (givenLatencyFlags(flags).length > 0) return [await modelFrom(flags)];
  const timed = paths.filter((_, at) =>
    traces[at].workload.trace.records.some(({ ttftMs }) => ttftMs !== undefined),
  );
  if (timed.length > 0)
    try {
      const notes = [
        "The latency model was fitted on what is explored: its errors here say nothing of other loads.",
      ];
      return [{ ...(await modelFrom({ latencyTrace: timed })), notes }];
    } catch (error) {
      if (!(error instanceof InputError)) throw error;
      printErr(
        `explore: no latency model can be fitted on the trace (${error.message}): a profile is assumed\n`,
      );
    }
  const [name] = profileNames();
  const typed = `--profile ${name}`;
  printErr(
    `explore: the profile ${name} is assumed: choose another in the page, or give one with --profile\n`,
  );
  return [{ model: latencyProfile(name), label: `${name} (assumed)`, typed }];
}

async function modelFrom(flags: LatencyFlags): Promise<ExploredModel> {
  const typed = typedLatencyFlags(flags);
  const what =
    flags.profile ??
    (flags.latencyTrace
      ? `fitted on ${flags.latencyTrace.map(named).join(", ")}`
      : named(flags.latencyModel ?? flags.modelConfig ?? "given"));
  const card =
    flags.gpu === undefined ? "" : ` on ${flags.gpu}${flags.tp === undefined ? "" : ` x ${flags.tp}`}`;
  return { model: await latencyFromFlags(flags), label: `${what}${card}`, typed };
}

/** The flags of a latency model as they are typed, files as the page may show them. */
function typedLatencyFlags({ latencyTrace, latencyModel, modelConfig, ...words }: LatencyFlags): string {
  const { latencyKind, profile, gpu, tp, dtype, kvDtype } = words;
  const pairs: readonly (readonly [string, string | number | undefined])[] = [
    ...(latencyTrace ?? []).map((path) => ["--latency-trace", shown(path)] as const),
    ["--latency-kind", latencyKind],
    ["--latency-model", latencyModel && shown(latencyModel)],
    ["--profile", profile],
    ["--model-config", modelConfig && shown(modelConfig)],
    ["--gpu", gpu],
    ["--tp", tp],
    ["--dtype", dtype],
    ["--kv-dtype", kvDtype],
  ];
  return pairs.flatMap(([flag, value]) => (value === undefined ? [] : [`${flag} ${value}`])).join(" ");
}

/** Of a path from the root of a machine the page tells the file's name alone. */
function shown(path: string): string {
  return isAbsolute(path) ? basename(path) : path;
}

function named(path: string): string {
  return basename(path).replace(/\.(jsonl|json)(\.gz)?$/, "");
}

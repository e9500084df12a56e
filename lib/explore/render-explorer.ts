import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { deflateRawSync } from "node:zlib";
import { InputError } from "../base/index.js";
import { escapeHtml } from "../figure/index.js";
import { type LatencyModel, latencyProfile, profileNames } from "../latency/index.js";
import { packWorkload } from "../replay/index.js";
import type { Workload } from "../sessions/index.js";
import type { ExplorePage, PageModel, PageTrace } from "./explore-page.js";
import { explorerStyle } from "./page/style.js";

/** A trace to explore. */
export interface ExploredTrace {
  readonly workload: Workload;
  /** What the page calls it. */
  readonly name: string;
  /** The path that `replay` is given in the page's command line. Default: the name. */
  readonly path?: string;
  /** What its reader should know of it. */
  readonly notes?: readonly string[];
}

/** A latency model to explore under. */
export interface ExploredModel {
  readonly model: LatencyModel;
  readonly label: string;
  /** The flags that give it to `replay`. */
  readonly typed: string;
  readonly notes?: readonly string[];
}

/** What {@link renderExplorer} makes a page of. */
export interface ExplorerOptions {
  readonly traces: readonly ExploredTrace[];
  /** Models beside the built-in profiles; the first is chosen when the page opens. */
  readonly models?: readonly ExploredModel[];
  /** The profile that is chosen when the page opens, where no model is given. Default: the first there is. */
  readonly profile?: string;
}

/** Requests above which a page would be slow to open and to answer. */
export const mostExploredRequests = 60_000;

/**
 * A page in which the simulator runs: traces, latency models, the compiled engine and plotly in one HTML file that opens
 * without a network. Of a trace it holds counts, times and dense block ids; hashes, keys, names and prompts stay out.
 * @throws InputError for no trace, an empty one, one without arrivals, or one too large for a page
 * @example
 * ```ts
 * import { readCapture, workloadOf } from "prefixlab";
 * import { renderExplorer } from "prefixlab/explore";
 * const workload = workloadOf(await readCapture({ role: "judge", scenario: "warm", seed: 1 }));
 * renderExplorer({ traces: [{ workload, name: "warm-1" }] }).includes("<title>prefixlab explore: warm-1</title>"); // → true
 * ```
 */
export function renderExplorer(options: ExplorerOptions): string {
  const { traces } = options;
  if (traces.length === 0)
    throw new InputError("renderExplorer: traces must hold at least one trace, got none");
  for (const trace of traces) requireExplorable(trace);
  const models = modelsOf(options);
  const page: ExplorePage = {
    traces: traces.map(pageTrace),
    models: models.map(({ page: about }) => about),
    version: packageVersion(),
  };
  const start = {
    kind: "start",
    workloads: traces.map(({ workload }) =>
      deflateRawSync(packWorkload(workload), { level: 9 }).toString("base64"),
    ),
    models: Object.fromEntries(models.flatMap(({ page: { name }, json }) => (json ? [[name, json]] : []))),
  };
  const title = `prefixlab explore: ${traces.map(({ name }) => name).join(", ")}`;
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<meta name="color-scheme" content="light dark">
<link rel="icon" href="data:,">
<title>${escapeHtml(title)}</title>
<style>${explorerStyle}</style>
</head>
<body>
<div id="explorer"><p class="opening">Opening ${escapeHtml(page.traces.map(({ name }) => name).join(", "))} ...</p></div>
<noscript>This page computes: it needs JavaScript.</noscript>
<script type="application/json" id="page">${jsonText(page)}</script>
<script type="application/json" id="start">${jsonText(start)}</script>
<script type="text/plain" id="worker">${scriptText(bundle("worker"))}</script>
<script>${scriptText(plotly())}</script>
<script>${scriptText(bundle("page"))}</script>
</body>
</html>
`;
}

function requireExplorable({ name, workload }: ExploredTrace): void {
  const { records } = workload.trace;
  const count = records.length;
  if (count === 0) throw new InputError(`explore: ${name} has no requests`);
  if (count > mostExploredRequests)
    throw new InputError(
      `explore: ${name} has ${count} requests, and a page answers for at most ${mostExploredRequests}: explore a sample of it, npx prefixlab sample ${name} --share ${Math.max(0.001, Math.floor((1000 * mostExploredRequests) / count) / 1000)} --out sample.jsonl.gz`,
    );
  if (records.some(({ arrivalMs }) => arrivalMs === undefined))
    throw new InputError(
      `explore: ${name} has no arrival times (arrival_ms): a replay needs to know when requests arrive`,
    );
}

function pageTrace({ workload, name, path = name, notes = [] }: ExploredTrace): PageTrace {
  const { trace, sessions } = workload;
  const { records } = trace;
  const hasHashes = records.some(({ blockIds }) => blockIds !== undefined);
  return {
    name,
    typed: path,
    requests: records.length,
    sessions: new Set(sessions.session).size,
    mostTurns: sessions.turn.reduce((most, turn) => Math.max(most, turn), 1),
    longestTokens: records.reduce(
      (most, r) => Math.max(most, r.promptTokens + Math.max(1, r.outputTokens)),
      1,
    ),
    hasHashes,
    notes: [
      ...notes,
      ...(hasHashes
        ? []
        : [
            "The trace has no block hashes: no prompt is known to share anything, so that nothing is found in the cache, and there is no hit-rate curve.",
          ]),
      ...(records.some(({ ttftMs }) => ttftMs !== undefined)
        ? []
        : ["The trace has no first-token times: there is no captured curve beside the modeled one."]),
    ],
  };
}

interface CarriedModel {
  readonly page: PageModel;
  /** Undefined: a profile, which the engine in the page has. */
  readonly json?: unknown;
}

function modelsOf({ models = [], profile }: ExplorerOptions): CarriedModel[] {
  const given = models.map(
    ({ model, label, typed, notes = [] }, at): CarriedModel => ({
      page: { name: `given-${at + 1}`, label, typed, notes: [...notes, ...(model.notes ?? [])] },
      json: model.toJson(),
    }),
  );
  const names = profileNames();
  const first = profile ?? names[0];
  const sorted = [first, ...names.filter((name) => name !== first)];
  const profiles = sorted.map((name): CarriedModel => {
    const { notes = [] } = latencyProfile(name);
    return { page: { name, label: name, typed: `--profile ${name}`, notes } };
  });
  return [...given, ...profiles];
}

/** A script that the build made of the modules of this room, see `.ci/setup.mjs`. */
function bundle(name: "worker" | "page"): string {
  return readFileSync(new URL(`../../dist/explore/bundle/${name}.js`, import.meta.url), "utf8");
}

function plotly(): string {
  const require = createRequire(import.meta.url);
  return readFileSync(require.resolve("plotly.js-basic-dist-min/plotly-basic.min.js"), "utf8");
}

function packageVersion(): string {
  const text = readFileSync(new URL("../../package.json", import.meta.url), "utf8");
  return (JSON.parse(text) as { version: string }).version;
}

/** JSON inside a script element: "</" would end it. */
function jsonText(value: unknown): string {
  return JSON.stringify(value).replaceAll("<", "\\u003c");
}

/** A script inside a script element. */
function scriptText(script: string): string {
  return script.replaceAll("</script", "<\\/script").replaceAll("<!--", "<\\!--");
}

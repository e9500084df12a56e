import { display } from "../figure/index.js";
import type { LatencyModel } from "../latency/index.js";
import type { Workload } from "../sessions/index.js";
import { renderExplorer } from "./render-explorer.js";

/** How a notebook shows a workload. */
export interface ExploreOptions {
  /** What the page opens with. Default: the first built-in profile; the others can be chosen in the page. */
  readonly model?: LatencyModel;
  /** What the page calls the trace. Default "trace". */
  readonly name?: string;
  /** The trace's path, as the page's command line has it. Default: the name. */
  readonly path?: string;
  /** Default 1500: the whole page at the width of most cells. */
  readonly heightPx?: number;
}

/**
 * Shows a workload below a notebook's cell as a page in which the simulator runs: see `renderExplorer`. In other front ends
 * than a browser's, and where outputs are not trusted, a line of text stands there.
 * @throws InputError as `renderExplorer` does
 * @throws WorkError outside a notebook
 * @example
 * ```ts
 * import { readCapture, workloadOf } from "prefixlab";
 * import { explore } from "prefixlab/explore";
 * // In a notebook's cell: the page appears below it.
 * await explore(workloadOf(await readCapture({ role: "judge", scenario: "warm", seed: 1 }))); // → undefined
 * ```
 */
export async function explore(workload: Workload, options: ExploreOptions = {}): Promise<void> {
  const { model, name = "trace", path = name, heightPx = 1500 } = options;
  const html = renderExplorer({
    traces: [{ workload, name, path }],
    ...(model && {
      models: [{ model, label: model.kind, typed: "--latency-model model.json" }],
    }),
  });
  await display({
    html,
    text: `explore: ${workload.trace.records.length} requests of ${name}, in a page that needs a browser`,
    heightPx,
  });
}

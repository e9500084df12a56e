import { parentPort } from "node:worker_threads";
import { drawFigure } from "./draw-figure.js";
import type { DrawingReply, DrawingTask } from "./drawing-thread.js";
import { survivalPanels } from "./survival-panels.js";

const post = (reply: DrawingReply) => parentPort?.postMessage(reply);

parentPort?.on("message", async ({ id, figure }: DrawingTask) => {
  try {
    const { svg, png } = await drawFigure(figure);
    post({ id, svg });
    post({ id, png: await png });
  } catch (error) {
    post({ id, failure: error instanceof Error ? error.message : String(error) });
  }
});

// Half of what a first figure takes is loading and compiling what draws it: a small one goes before it, while there is none yet.
const curve = {
  times: Float64Array.of(10, 20),
  survival: Float64Array.of(0.5, 0),
  lower: Float64Array.of(0.1, 0),
  upper: Float64Array.of(0.9, 0.5),
};
const first = survivalPanels({
  panels: [{ title: "", series: [{ kind: "modeled", cache: "on", n: 2, censored: 0, medianMs: 10, curve }] }],
});
// Why a figure cannot be drawn is told to whoever asks for one.
void drawFigure(first)
  .then(({ png }) => png)
  .catch(() => undefined);

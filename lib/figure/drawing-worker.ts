import { parentPort } from "node:worker_threads";
import { drawFigure } from "./draw-figure.js";
import type { DrawingReply, DrawingTask } from "./drawing-thread.js";
import { loadPlotly } from "./plotly-window.js";

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

loadPlotly();

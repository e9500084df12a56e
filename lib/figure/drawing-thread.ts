import { fileURLToPath } from "node:url";
import type { Worker } from "node:worker_threads";
import { WorkError } from "../base/index.js";
import type { Drawing } from "./draw-figure.js";
import type { PlotlyFigure } from "./plotly-figure.js";

/** A figure to draw. */
export interface DrawingTask {
  readonly id: number;
  readonly figure: PlotlyFigure;
}

/** What the thread says of a figure: its SVG, then its PNG, or why there is none. */
export type DrawingReply = { readonly id: number } & (
  | { readonly svg: string }
  | { readonly png: Uint8Array }
  | { readonly failure: string }
);

/** Who waits for a figure. */
interface Waiting {
  svg(text: string): void;
  png(bytes: Uint8Array): void;
  fail(error: Error): void;
}

/**
 * A thread that draws figures. It loads plotly while its owner still works on what is to be drawn, and draws while its owner
 * goes on. It keeps no process alive but while it draws.
 * @example
 * ```ts
 * import { DrawingThread, loadChart, writeFigure } from "prefixlab/figure";
 * const thread = new DrawingThread();
 * const figure = loadChart({ timesMs: [0, 1000], running: [1, 8], waiting: [0, 3] });
 * (await writeFigure(figure, "figures", "load", thread.draw)).png; // → "figures/load.png"
 * await thread.stop();
 * ```
 */
export class DrawingThread {
  readonly #worker: Worker;
  readonly #waiting = new Map<number, Waiting>();
  #given = 0;
  #hasEnded = false;

  constructor() {
    // Whoever imports the room and draws in no thread loads nothing for one.
    const threads = process.getBuiltinModule("node:worker_threads");
    // Put in one file by the build.
    this.#worker = new threads.Worker(
      fileURLToPath(new URL("../../dist/bundle/drawing-worker.js", import.meta.url)),
    );
    this.#worker.on("message", (reply: DrawingReply) => this.#take(reply));
    this.#worker.on("error", (error) => this.#failAll(error));
    this.#worker.on("exit", () => {
      this.#hasEnded = true;
      this.#failAll(ended());
    });
    // Last, since to listen is to wait.
    this.#worker.unref();
  }

  /**
   * Draws a figure, as `renderSvg` and `svgToPng` do.
   * @throws WorkError when plotly cannot draw it, or the thread has ended
   */
  readonly draw = (figure: PlotlyFigure): Promise<Drawing> => {
    if (this.#hasEnded) return Promise.reject(ended());
    const id = this.#given++;
    return new Promise((resolve, fail) => {
      this.#waiting.set(id, {
        svg: (svg) => resolve({ svg, png: this.#png(id) }),
        png: () => undefined,
        fail,
      });
      this.#worker.ref();
      this.#worker.postMessage({ id, figure } satisfies DrawingTask);
    });
  };

  /** Ends the thread. What it has not drawn is refused. */
  async stop(): Promise<void> {
    await this.#worker.terminate();
  }

  #png(id: number): Promise<Uint8Array> {
    const drawn = new Promise<Uint8Array>((png, fail) =>
      this.#waiting.set(id, { svg: () => undefined, png, fail }),
    );
    // Whoever takes the SVG alone is no worse off for a PNG that does not come.
    drawn.catch(() => undefined);
    return drawn;
  }

  #take(reply: DrawingReply): void {
    const waiting = this.#waiting.get(reply.id);
    if ("svg" in reply) {
      waiting?.svg(reply.svg);
      return;
    }
    this.#waiting.delete(reply.id);
    if (this.#waiting.size === 0) this.#worker.unref();
    // An error loses its class on its way between threads.
    if ("failure" in reply) waiting?.fail(new WorkError(reply.failure));
    else waiting?.png(reply.png);
  }

  #failAll(error: Error): void {
    for (const waiting of this.#waiting.values()) waiting.fail(error);
    this.#waiting.clear();
  }
}

function ended(): WorkError {
  return new WorkError("the thread that draws figures has ended");
}

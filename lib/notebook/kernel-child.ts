/**
 * The process behind one headless notebook: takes cells from its parent, runs them, sends back what they put out.
 * Started with `fork` in the notebook's folder by `notebook-session.ts`.
 */
import type { Ms } from "../base/index.js";
import { type CellResult, createCellExecutor } from "./cell-executor.js";
import type { CellOutput } from "./notebook-file.js";
import { divertStreams, OutputLog } from "./output-log.js";
import { refuseStdin } from "./refuse-stdin.js";

/** Parent to child: a cell, or word that there are no more. */
export type ChildRequest =
  | { readonly type: "execute"; readonly source: string; readonly cellNumber: number }
  | { readonly type: "finish"; readonly graceMs: Ms };

/** Child to parent. */
export type ChildMessage =
  | { readonly type: "ready" }
  | { readonly type: "done"; readonly result: CellResult; readonly outputs: readonly CellOutput[] };

const log = new OutputLog();
const send = (message: ChildMessage) => process.send?.(message);
refuseStdin();
divertStreams((name, text) => log.write(name, text));
const executor = createCellExecutor(process.cwd(), (bundle) => log.display(bundle));
/** What failed without anybody waiting for it, since the last cell's end. */
let strays: { readonly value: unknown }[] = [];
process.on("unhandledRejection", (value) => strays.push({ value }));
process.on("uncaughtException", (value) => {
  // The compiler's watches of files that change meanwhile are no cell's doing.
  if (!/node_modules\/@tslab\//.test(value?.stack ?? "")) strays.push({ value });
});
process.on("message", async (request: ChildRequest) => {
  if (request.type === "execute") answer(await executed(request.source, request.cellNumber));
  else {
    // The compiler watches files, which would keep the process.
    executor.close();
    await idle(request.graceMs);
    answer({ ok: true });
  }
});

async function executed(source: string, cellNumber: number): Promise<CellResult> {
  const result = await executor.execute(source, cellNumber);
  // What the cell set going and is due at once still belongs to it.
  await new Promise((resolve) => setImmediate(resolve));
  return result;
}

/** Waits until nothing is under way any more, or the time is over: a timer or a socket may stay for good. */
function idle(graceMs: Ms): Promise<void> {
  return new Promise((resolve) => {
    process.channel?.unref();
    process.once("beforeExit", () => resolve());
    // An unreferenced timer fires only while something else goes on, which is when it is wanted.
    setTimeout(resolve, graceMs).unref();
  });
}

function answer(found: CellResult): void {
  const [stray] = strays;
  strays = [];
  const result: CellResult =
    found.ok && stray ? { ok: false, error: executor.strayError(stray.value) } : found;
  if (!result.ok) log.fail(result.error);
  else if (result.value) log.result(result.value);
  send({ type: "done", result: result.ok ? { ok: true } : result, outputs: log.take() });
}

process.on("disconnect", () => process.exit(0));
send({ type: "ready" });

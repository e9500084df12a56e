/**
 * The process behind one headless notebook: takes cells from its parent, runs them, sends back what they put out.
 * Started with `fork` in the notebook's folder by `notebook-session.ts`.
 */
import { type CellResult, createCellExecutor } from "./cell-executor.js";
import type { CellOutput } from "./notebook-file.js";
import { divertStreams, OutputLog } from "./output-log.js";

/** Parent to child. */
export interface ExecuteRequest {
  readonly source: string;
  readonly cellNumber: number;
}

/** Child to parent. */
export type ChildMessage =
  | { readonly type: "ready" }
  | { readonly type: "done"; readonly result: CellResult; readonly outputs: readonly CellOutput[] };

const log = new OutputLog();
const send = (message: ChildMessage) => process.send?.(message);
divertStreams((name, text) => log.write(name, text));
const executor = createCellExecutor(process.cwd(), (bundle) => log.display(bundle));
process.on("unhandledRejection", (reason) => {
  log.write("stderr", `unhandled rejection: ${reason instanceof Error ? reason.stack : String(reason)}\n`);
});
process.on("message", async ({ source, cellNumber }: ExecuteRequest) => {
  const result = await executor.execute(source, cellNumber);
  // What the cell set going and is due at once still belongs to it.
  await new Promise((resolve) => setImmediate(resolve));
  if (!result.ok) log.fail(result.error);
  send({ type: "done", result, outputs: log.take() });
});
process.on("disconnect", () => process.exit(0));
send({ type: "ready" });

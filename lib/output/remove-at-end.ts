import { rmSync } from "node:fs";

/** Files that must not outlive this process. */
const doomed = new Set<string>();
const signals = ["SIGINT", "SIGTERM", "SIGHUP"] as const;
let watching = false;

/**
 * Has a file removed when the process ends before the returned function is called: by `process.exit`, by an error
 * nobody caught, or by SIGINT, SIGTERM or SIGHUP where the program does not handle them. kill -9 leaves it.
 */
export function removeAtEnd(path: string): () => void {
  doomed.add(path);
  watch();
  return () => {
    doomed.delete(path);
    unwatch();
  };
}

function watch(): void {
  if (watching) return;
  watching = true;
  process.on("exit", removeAll);
  // Ahead of listeners that take themselves off, so that these are counted.
  for (const signal of signals) process.prependListener(signal, end);
}

function unwatch(): void {
  if (doomed.size > 0 || !watching) return;
  watching = false;
  process.off("exit", removeAll);
  for (const signal of signals) process.off(signal, end);
}

function removeAll(): void {
  for (const path of doomed) {
    try {
      rmSync(path, { force: true });
    } catch {
      // The process ends: nobody is left to be told.
    }
  }
  doomed.clear();
}

/** A listener takes the place of what a signal does by itself, so that it is done here; unless others listen too. */
function end(signal: NodeJS.Signals): void {
  if (process.listenerCount(signal) > 1) return;
  removeAll();
  unwatch();
  process.kill(process.pid, signal);
}

import type { Ms } from "../../base/index.js";

/** Node's timers count whole milliseconds and fire late: the last stretch is waited for turn by turn. */
const FINE_WAIT_MS = 1.5;
/**
 * How long the thread sleeps in a turn of that stretch, which delays what sockets bring by as much. Without it a turn
 * takes a microsecond, and what a million turns a second leave behind keeps the garbage collector from idling.
 */
const TURN_MS = 0.05;
/** Linux may wake a thread this much later than asked. */
const WAKE_SLACK_MS = 0.1;
const never = new Int32Array(new SharedArrayBuffer(4));

/**
 * Waits until the monotonic clock reads `dueAtMs`, to a fraction of a millisecond, while sockets are still served.
 * @returns false when `signal` fired first
 */
export function waitUntil(dueAtMs: Ms, signal?: AbortSignal): Promise<boolean> {
  return new Promise((resolve) => {
    const turn = () => {
      if (signal?.aborted) return resolve(false);
      const leftMs = dueAtMs - performance.now();
      if (leftMs <= 0) return resolve(true);
      if (leftMs > FINE_WAIT_MS + 1) sleep(leftMs - FINE_WAIT_MS, turn, signal);
      else {
        if (leftMs > TURN_MS + WAKE_SLACK_MS) Atomics.wait(never, 0, 0, TURN_MS);
        setImmediate(turn);
      }
    };
    turn();
  });
}

function sleep(ms: Ms, wake: () => void, signal?: AbortSignal): void {
  const end = () => {
    clearTimeout(timer);
    signal?.removeEventListener("abort", end);
    wake();
  };
  // A delay above 2^31 ms would fire at once.
  const timer = setTimeout(end, Math.min(ms, 2 ** 30));
  signal?.addEventListener("abort", end, { once: true });
}

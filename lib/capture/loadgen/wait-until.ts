import type { Ms } from "../../base/index.js";

/** Node's timers count whole milliseconds and fire late: the last stretch is waited for turn by turn. */
const FINE_WAIT_MS = 1.5;

/**
 * Waits until the monotonic clock reads `dueAtMs`, to a fraction of a millisecond, while sockets are still served.
 * @returns false when `signal` fired first
 */
export async function waitUntil(dueAtMs: Ms, signal?: AbortSignal): Promise<boolean> {
  for (;;) {
    if (signal?.aborted) return false;
    const leftMs = dueAtMs - performance.now();
    if (leftMs <= 0) return true;
    if (leftMs > FINE_WAIT_MS + 1) await sleep(leftMs - FINE_WAIT_MS, signal);
    else await new Promise<void>((resolve) => setImmediate(resolve));
  }
}

function sleep(ms: Ms, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const wake = () => {
      clearTimeout(timer);
      signal?.removeEventListener("abort", wake);
      resolve();
    };
    // A delay above 2^31 ms would fire at once.
    const timer = setTimeout(wake, Math.min(ms, 2 ** 30));
    signal?.addEventListener("abort", wake, { once: true });
  });
}

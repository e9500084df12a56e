const signals = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

/**
 * Resolves at the first SIGINT, SIGTERM or SIGHUP (the terminal was closed); a second one ends the process the usual way.
 */
export function stopSignal(): Promise<void> {
  return new Promise((resolve) => {
    const stop = () => {
      // Not at once: who cleans up where nobody else handles the signal counts the listeners of this one.
      setImmediate(() => {
        for (const signal of signals) process.off(signal, stop);
      });
      resolve();
    };
    for (const signal of signals) process.on(signal, stop);
  });
}

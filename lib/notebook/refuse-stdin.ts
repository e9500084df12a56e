import { InputError } from "../base/index.js";

/**
 * Makes reading from the terminal fail at once: a notebook has none, and a cell that waits for one never ends. `readline`,
 * `process.stdin` and `prompt` come here.
 */
export function refuseStdin(): void {
  const refuse = (): never => {
    throw new InputError(
      "stdin: a notebook has no terminal to read from: assign the value in the cell, or read a file",
    );
  };
  Object.defineProperty(process, "stdin", { get: refuse, configurable: true });
  Object.defineProperty(globalThis, "prompt", { value: refuse, configurable: true });
}

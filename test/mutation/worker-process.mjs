import { fork } from "node:child_process";
import { fileURLToPath } from "node:url";

/** A worker that is started again when it hangs or dies. */
export class WorkerProcess {
  #start;
  #child;

  constructor(start) {
    this.#start = start;
  }

  /** The answer, or undefined when there was none in time. */
  async ask(message, limitMs = 0) {
    this.#child ??= await this.#begin();
    const answer = await this.#exchange(this.#child, message, limitMs);
    if (answer === undefined) this.end();
    return answer;
  }

  end() {
    this.#child?.kill("SIGKILL");
    this.#child = undefined;
  }

  async #begin() {
    const child = fork(fileURLToPath(new URL("./worker.mjs", import.meta.url)), {
      serialization: "advanced",
      execArgv: ["--max-old-space-size=1500", "--no-warnings"],
      stdio: ["ignore", "ignore", "pipe", "ipc"],
    });
    let errors = "";
    child.stderr.on("data", (chunk) => {
      errors = (errors + chunk).slice(-4000);
    });
    if ((await this.#exchange(child, { start: this.#start }, 60_000)) === undefined)
      throw new Error(`the worker did not start: ${errors}`);
    return child;
  }

  #exchange(child, message, limitMs) {
    return new Promise((resolve) => {
      const timer = limitMs > 0 ? setTimeout(() => done(undefined), limitMs) : undefined;
      const onExit = () => done(undefined);
      const done = (answer) => {
        clearTimeout(timer);
        child.off("message", done);
        child.off("exit", onExit);
        resolve(answer);
      };
      child.on("message", done);
      child.on("exit", onExit);
      child.send(message);
    });
  }
}

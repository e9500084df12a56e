import type { MimeBundle } from "../figure/index.js";
import type { CellError } from "./cell-error.js";
import type { CellOutput, NotebookJson } from "./notebook-file.js";

/** Collects what a cell puts out, in order, with neighbouring texts of one stream joined. */
export class OutputLog {
  #outputs: CellOutput[] = [];
  #stream: { name: "stdout" | "stderr"; parts: string[] } | undefined;

  write(name: "stdout" | "stderr", text: string): void {
    if (this.#stream?.name !== name) {
      this.#closeStream();
      this.#stream = { name, parts: [] };
    }
    this.#stream.parts.push(text);
  }

  display({ data, metadata }: MimeBundle): void {
    this.#closeStream();
    this.#outputs.push({ output_type: "display_data", ...asJson({ data, metadata }) });
  }

  /** The value that a cell ends with. */
  result({ data, metadata }: MimeBundle): void {
    this.#closeStream();
    this.#outputs.push({
      output_type: "execute_result",
      execution_count: null,
      ...asJson({ data, metadata }),
    });
  }

  fail({ name, message, traceback }: CellError): void {
    this.#closeStream();
    this.#outputs.push({ output_type: "error", ename: name, evalue: message, traceback });
  }

  /** Hands the outputs out and starts anew. */
  take(): CellOutput[] {
    this.#closeStream();
    const outputs = this.#outputs;
    this.#outputs = [];
    return outputs;
  }

  #closeStream(): void {
    if (!this.#stream) return;
    this.#outputs.push({ output_type: "stream", name: this.#stream.name, text: this.#stream.parts.join("") });
    this.#stream = undefined;
  }
}

function asJson(bundle: MimeBundle) {
  return bundle as { data: Record<string, NotebookJson>; metadata: Record<string, NotebookJson> };
}

/** Sends what this process would print to `write` instead. */
export function divertStreams(write: (name: "stdout" | "stderr", text: string) => void): void {
  for (const name of ["stdout", "stderr"] as const) {
    const decoder = new TextDecoder();
    process[name].write = ((chunk: string | Uint8Array, ...rest: unknown[]) => {
      write(name, typeof chunk === "string" ? chunk : decoder.decode(chunk, { stream: true }));
      const done = rest.find((one) => typeof one === "function") as (() => void) | undefined;
      if (done) queueMicrotask(done);
      return true;
    }) as typeof process.stdout.write;
  }
}

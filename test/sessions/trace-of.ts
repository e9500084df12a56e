import { BlockTable, type Trace, type TraceRecord } from "../../lib/trace/index.js";

/** A request in shorthand: each word of `prompt` and `answer` stands for one full block of 16 tokens. */
export interface Shorthand {
  readonly at: number;
  /** Completion, ms; without it no latency is recorded. */
  readonly end?: number;
  readonly prompt: string;
  /** Recorded blocks of the answer. */
  readonly answer?: string;
  /** Tokens of the prompt past its full blocks (default 0). */
  readonly rest?: number;
  /** Output tokens (default: the recorded answer, else 10). */
  readonly output?: number;
}

const BLOCK_SIZE = 16;

/** A trace of requests in shorthand; equal words after equal words are equal blocks. */
export function traceOf(...requests: readonly Shorthand[]): Trace {
  const blocks = new BlockTable();
  const ids = new Map<string, number>();
  const records = requests.map((request): TraceRecord => {
    const prompt = wordsOf(request.prompt);
    const answer = wordsOf(request.answer ?? "");
    const full = Int32Array.from([...prompt, ...answer], (_, d) => {
      const key = [...prompt, ...answer].slice(0, d + 1).join(" ");
      const id = ids.get(key) ?? blocks.internFresh();
      ids.set(key, id);
      return id;
    });
    return {
      promptTokens: prompt.length * BLOCK_SIZE + (request.rest ?? 0),
      outputTokens: request.output ?? (answer.length > 0 ? answer.length * BLOCK_SIZE : 10),
      arrivalMs: request.at,
      blockIds: full.slice(0, prompt.length),
      ...(answer.length > 0 ? { outputBlockIds: full.slice(prompt.length) } : {}),
      ...(request.end === undefined
        ? {}
        : { ttftMs: request.end - request.at, itlSummary: { meanMs: 0, count: 1 } }),
    };
  });
  return { meta: { blockSize: BLOCK_SIZE, extra: {} }, records, blocks, rejected: [], warnings: [] };
}

function wordsOf(text: string): string[] {
  return text.split(" ").filter((word) => word !== "");
}

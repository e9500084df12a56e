import { readFileSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { type Answer, isAnswer } from "../../lib/course/index.js";
import { exerciseDigests } from "../../lib/notebook/index.js";
import { notebooks } from "./read-notebooks.js";

/** A row of a capture, as JSON has it. */
export interface RawRow {
  readonly arrival_ms: number;
  readonly prompt_tokens: number;
  readonly cached_tokens: number;
  readonly output_tokens: number;
  readonly ttft_ms: number;
  readonly itl_ms: readonly number[];
  readonly concurrency: number;
  readonly session: string;
  readonly turn: number;
  readonly block_hashes: readonly string[];
  readonly output_block_hashes?: readonly string[];
  readonly request_id?: string;
  readonly parents?: readonly { readonly request_id: string; readonly kind: string }[];
}

export const dataFile = (file: string) => join(import.meta.dirname, "..", "..", "data", file);

/** The rows of a capture, in order of arrival. Hashes are texts: a double does not hold 64 bits. */
export function rowsOf(file: string): RawRow[] {
  const [, ...lines] = gunzipSync(readFileSync(dataFile(file)))
    .toString()
    .trim()
    .split("\n");
  return (
    lines
      .map((line) => JSON.parse(line.replace(/(?<![.\d])\d{16,}(?![.\d])/g, '"$&"')) as RawRow)
      // A tap's last line says how many there are.
      .filter((row) => row.prompt_tokens !== undefined)
      .sort((a, b) => a.arrival_ms - b.arrival_ms)
  );
}

const digests: Record<string, string> = Object.assign(
  {},
  ...notebooks.map(({ notebook }) => exerciseDigests(notebook)),
);

/** Whether an answer is the one that a notebook's check takes for right. */
export const isRight = (exercise: string, answer: Answer) =>
  isAnswer(exercise, answer, digests[exercise] ?? "");

/** The exercises that the notebooks have. */
export const exercises: readonly string[] = Object.keys(digests);

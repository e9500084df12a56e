import type { Workload } from "../../lib/sessions/index.js";
import { BlockTable, type JsonValue, type PromptMessage, type TraceRecord } from "../../lib/trace/index.js";

/** One message as a client sends it. */
export interface Message {
  readonly role: string;
  readonly text: string;
}

/** What a fault changes of the conversations; `n` counts requests, turns are counted from 1. */
export interface Fault {
  readonly system?: (n: number) => string;
  readonly tools?: (n: number) => readonly string[];
  readonly history?: (messages: readonly Message[], turn: number) => readonly Message[];
  /** How a message's role is written, in brackets. */
  readonly bracket?: (n: number) => string;
  /** What keeps blocks apart, as a field of the row. */
  readonly apart?: (session: number, turn: number) => Readonly<Record<string, string>>;
  /** The engine starts again before this turn. */
  readonly restartBefore?: number;
  readonly poolBlocks?: number;
  readonly isOff?: boolean;
}

export const blockSize = 16;
const sessions = 8;
const turns = 5;
const outputTokens = 40;

/** Text of a size that depends on its name alone. */
export function text(name: string, characters: number): string {
  let state = [...name].reduce((hash, c) => (Math.imul(hash, 31) + c.charCodeAt(0)) >>> 0, 7);
  let words = "";
  while (words.length < characters) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    words += `${(state >>> 8).toString(36)} `;
  }
  return words.slice(0, characters);
}

export const system = text("system", 1_500);
export const tools = ["search", "read", "run", "write", "list"].map((name) => `${name}: ${text(name, 90)}`);

/**
 * Conversations on a serial engine, one request after another, turn by turn; a character is a token. What is found is told
 * by a naive pool: blocks by their whole text from the prompt's start, given up in the order in which they were released.
 */
export function converse(fault: Fault = {}): Workload {
  const blocks = new BlockTable();
  const idOf = new Map<string, number>();
  const records: TraceRecord[] = [];
  const parent: number[] = [];
  const turnOf: number[] = [];
  const sessionOf: number[] = [];
  let pool: string[] = [];
  const histories = Array.from({ length: sessions }, (): Message[] => []);
  const last = new Array<number>(sessions).fill(-1);
  for (let turn = 1; turn <= turns; turn++) {
    if (fault.restartBefore === turn) pool = [];
    for (let session = 0; session < sessions; session++) {
      const n = records.length;
      histories[session].push({ role: "user", text: text(`ask ${session} ${turn}`, 70) });
      const offered = fault.tools?.(n) ?? tools;
      const sent = [
        { role: "system", text: fault.system?.(n) ?? system },
        { role: "tools", text: offered.join("\n") },
        ...(fault.history?.(histories[session], turn) ?? histories[session]),
      ];
      const bracket = fault.bracket?.(n) ?? "<>";
      const parts = sent.map((message) => `${bracket[0]}${message.role}${bracket[1]}${message.text}`);
      const prompt = `${parts.join("")}${bracket[0]}assistant${bracket[1]}`;
      const answer = text(`answer ${session} ${turn}`, outputTokens);
      histories[session].push({ role: "assistant", text: answer });
      const apart = fault.apart?.(session, turn) ?? {};
      const keys = (whole: string, count: number) =>
        Array.from(
          { length: count },
          (_, k) => `${JSON.stringify(apart)} ${whole.slice(0, (k + 1) * blockSize)}`,
        );
      const computed = keys(prompt + answer, Math.floor((prompt.length + outputTokens - 1) / blockSize));
      const lookedUp = fault.isOff ? 0 : Math.floor((prompt.length - 1) / blockSize);
      let found = 0;
      while (found < lookedUp && pool.includes(computed[found])) found++;
      // One block more for what is not full.
      pool = pool.filter((key) => !computed.includes(key));
      while (pool.length > 0 && pool.length + computed.length + 1 > (fault.poolBlocks ?? 1e6)) pool.shift();
      pool.push(...computed.reverse());
      const ids = keys(prompt, Math.floor(prompt.length / blockSize)).map((key) => {
        const id = idOf.get(key) ?? blocks.internFresh();
        idOf.set(key, id);
        return id;
      });
      records.push({
        promptTokens: prompt.length,
        outputTokens,
        cachedTokens: found * blockSize,
        arrivalMs: 1_000 * n,
        ttftMs: 100,
        itlSummary: { meanMs: 10, count: outputTokens - 1 },
        elapsedMs: 490,
        finishReason: "length",
        blockIds: Int32Array.from(ids),
        messages: sent.map(
          (message, i): PromptMessage => ({
            role: message.role,
            tokens: parts[i].length,
            hash: message.text,
          }),
        ),
        extra: { ...apart, tool_hashes: offered as unknown as JsonValue },
      });
      parent.push(last[session]);
      last[session] = n;
      turnOf.push(turn);
      sessionOf.push(session);
    }
  }
  return {
    trace: {
      meta: {
        blockSize,
        engine: {
          blockSize,
          kvCacheBlocks: fault.poolBlocks ?? 100_000,
          enablePrefixCaching: fault.isOff !== true,
        },
        extra: {},
      },
      records,
      blocks,
      rejected: [],
      warnings: [],
    },
    sessions: {
      parent: Int32Array.from(parent),
      turn: Int32Array.from(turnOf),
      session: Int32Array.from(sessionOf),
    },
  };
}

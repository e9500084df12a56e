import { existsSync, readFileSync } from "node:fs";
import { gunzipSync } from "node:zlib";
import { type RandomStream, stream } from "../../../lib/base/index.js";
import type { TraceRecord } from "../../../lib/trace/index.js";
import { Chains, type DraftRow, halfOf, type LabelledWorkload, labelled } from "./labelled.js";

const BLOCK_SIZE = 16;
const TAU = "../shared/data/tau-bench/gpt-4o-airline-20.jsonl.gz";

/** Whether the conversations of sierra-research/tau-bench are beside the project. */
export const hasTau = existsSync(TAU);

interface Message {
  readonly role: string;
  readonly content: string | null;
  readonly tool_calls?: unknown;
}

/**
 * Conversations of tau-bench as requests: each assistant message was one, its prompt all messages before it. Four characters
 * are a token, blocks of 16; the durations are drawn. With `again`, each is run that many times with the same customer up to a turn drawn
 * for each further run, as trials of one task.
 */
export function tauConversations(half: "fit" | "held out", seed: number, again = 1): LabelledWorkload {
  const random = stream(seed, "tau");
  const chains = new Chains();
  const rows: DraftRow[] = [];
  const lines = gunzipSync(readFileSync(TAU)).toString().trimEnd().split("\n");
  lines.forEach((line, l) => {
    const { task_id, trial, traj } = JSON.parse(line) as { task_id: number; trial: number; traj: Message[] };
    if (halfOf(`tau-bench ${task_id}/${trial}`) !== half) return;
    for (let run = 0; run < again; run++) {
      const apart = run === 0 ? Number.POSITIVE_INFINITY : 2 + random.integer(traj.length - 2);
      let text = "";
      let arrivalMs = random.uniform() * 600_000;
      let before: string | undefined;
      traj.forEach((message, at) => {
        const say = `${message.role}:${message.content ?? ""}${JSON.stringify(message.tool_calls ?? "")}`;
        // From the turn at which a run goes its own way, its messages are its own.
        const own = at < apart || message.role === "system" ? say : `${run}${say}`;
        if (message.role === "assistant") {
          const name = `${l}/${run}/${at}`;
          const outputTokens = Math.max(1, Math.round(say.length / 4));
          const ttftMs = 100 + random.exponential(200);
          const decodeMs = outputTokens * (5 + 10 * random.uniform());
          rows.push({
            name,
            record: recordOf(chains, text, outputTokens, arrivalMs, ttftMs, decodeMs),
            ...(before !== undefined && { parent: before }),
          });
          arrivalMs += ttftMs + decodeMs + random.exponential(3000);
          before = name;
        }
        text += `<${own}>`;
      });
    }
  });
  return labelled(
    { set: again > 1 ? "tau-bench, trials" : "tau-bench", name: `seed ${seed}, ${again} runs`, half },
    rows,
    { blockSize: BLOCK_SIZE, blocks: chains.blocks },
  );
}

function recordOf(
  chains: Chains,
  text: string,
  outputTokens: number,
  arrivalMs: number,
  ttftMs: number,
  decodeMs: number,
): TraceRecord {
  const symbols: string[] = [];
  for (let at = 0; at + 4 * BLOCK_SIZE <= text.length; at += 4 * BLOCK_SIZE)
    symbols.push(text.slice(at, at + 4 * BLOCK_SIZE));
  return {
    promptTokens: Math.max(1, Math.floor(text.length / 4)),
    outputTokens,
    arrivalMs,
    ttftMs,
    itlSummary: { meanMs: decodeMs / Math.max(1, outputTokens - 1), count: Math.max(0, outputTokens - 1) },
    blockIds: chains.of(symbols),
    finishReason: "stop",
  };
}

/**
 * Single questions over shared documents: none continues another. A system prompt before all documents or none; as many
 * questions a document as drawn, some documents asked once.
 */
export function ragSingleShots(seed: number): LabelledWorkload {
  const name = `rag ${seed}`;
  const random = stream(seed, "rag");
  const chains = new Chains();
  const rows: DraftRow[] = [];
  const systemTokens = random.uniform() < 0.5 ? 0 : 100 + random.integer(1500);
  const documents = 5 + random.integer(80);
  const asked = 1 + random.integer(8);
  const answer = 8 + random.integer(300);
  const question = 10 + random.integer(100);
  const spreadMs = 60_000 * (1 + random.integer(60));
  for (let d = 0; d < documents; d++) {
    const tokens = 200 + random.integer(4000);
    const questions = 1 + random.integer(asked);
    for (let q = 0; q < questions; q++) {
      const own = 4 + Math.round(random.exponential(question));
      const outputTokens = 1 + Math.round(answer * (0.5 + random.uniform()));
      rows.push({
        name: `${d}/${q}`,
        record: tokensRecord(
          chains,
          [
            ["s", systemTokens],
            [`d${d}`, tokens],
            [`q${d}/${q}`, own],
          ],
          outputTokens,
          random.uniform() * spreadMs,
          random,
        ),
      });
    }
  }
  return labelled({ set: "rag single shots", name, half: halfOf(name) }, rows, {
    blockSize: BLOCK_SIZE,
    blocks: chains.blocks,
  });
}

/** Parts of a prompt by what they are of, and how long: a block is known by the parts it holds. */
export function tokensRecord(
  chains: Chains,
  parts: readonly (readonly [of: string, tokens: number])[],
  outputTokens: number,
  arrivalMs: number,
  random: RandomStream,
): TraceRecord {
  const promptTokens = parts.reduce((sum, [, tokens]) => sum + tokens, 0);
  const symbols: string[] = [];
  let part = 0;
  let begins = 0;
  for (let block = 0; block < Math.floor(promptTokens / BLOCK_SIZE); block++) {
    const from = block * BLOCK_SIZE;
    let symbol = "";
    while (from >= begins + parts[part][1]) begins += parts[part++][1];
    let at = part;
    let atBegins = begins;
    while (at < parts.length && atBegins < from + BLOCK_SIZE) {
      symbol += `${parts[at][0]}@${Math.max(0, from - atBegins)} `;
      atBegins += parts[at++][1];
    }
    symbols.push(symbol);
  }
  const ttftMs = 30 + promptTokens * 0.05 * (0.5 + random.uniform());
  const meanMs = 5 + 10 * random.uniform();
  return {
    promptTokens,
    outputTokens,
    arrivalMs,
    ttftMs,
    itlSummary: { meanMs, count: Math.max(0, outputTokens - 1) },
    blockIds: chains.of(symbols),
    finishReason: "stop",
  };
}

/**
 * Chats and agents as drawn: a system prompt common to some of them, turns of drawn lengths, answers that stay in the history whole or in part,
 * people who think or tools that answer at once, parallel calls beside the turns, retold answers whose first block differs.
 */
export function drawnChats(seed: number): LabelledWorkload {
  const name = `chats ${seed}`;
  const random = stream(seed, "chats");
  const chains = new Chains();
  const rows: DraftRow[] = [];
  const systems = 1 + random.integer(4);
  const systemTokens = Array.from({ length: systems }, () =>
    random.uniform() < 0.2 ? 0 : 20 + random.integer(3000),
  );
  const kept = random.uniform() < 0.5 ? 1 : random.uniform();
  const answer = 10 + random.integer(400);
  const message = 5 + random.integer(300);
  const thinkMs = 10 ** (1 + 4 * random.uniform());
  const parallel = random.uniform() < 0.3 ? 0.2 * random.uniform() : 0;
  const turnsAtMost = 1 + random.integer(12);
  const spreadMs = 1000 * 10 ** (1 + 2.5 * random.uniform());
  const sessions = 5 + random.integer(60);
  for (let s = 0; s < sessions; s++) {
    const system = random.integer(systems);
    const parts: [string, number][] = [];
    if ((systemTokens[system] as number) > 0) parts.push([`s${system}`, systemTokens[system] as number]);
    let arrivalMs = random.uniform() * spreadMs;
    let before: string | undefined;
    const turns = 1 + random.integer(turnsAtMost);
    for (let turn = 0; turn < turns; turn++) {
      parts.push([`${s}/m${turn}`, 2 + Math.round(random.exponential(message))]);
      const outputTokens = 1 + Math.round(answer * (0.3 + 1.4 * random.uniform()));
      const record = tokensRecord(chains, parts, outputTokens, arrivalMs, random);
      const row = `${s}/${turn}`;
      rows.push({ name: row, record, ...(before !== undefined && { parent: before }) });
      const overMs =
        arrivalMs + (record.ttftMs as number) + (record.itlSummary?.meanMs as number) * (outputTokens - 1);
      parts.push([`${s}/a${turn}`, Math.max(1, Math.round(kept * outputTokens))]);
      let nextMs = overMs + 5 + random.exponential(thinkMs);
      if (random.uniform() < parallel) {
        // Calls beside the conversation: they see all of it so far, and nothing goes on from them.
        const calls = 2 + random.integer(3);
        for (let call = 0; call < calls; call++) {
          const own = 4 + Math.round(random.exponential(message));
          const at = overMs + 10 + 5 * call;
          const side = tokensRecord(chains, [...parts, [`${row}/c${call}`, own]], outputTokens, at, random);
          rows.push({ name: `${row}/c${call}`, record: side, parent: row });
          nextMs = Math.max(
            nextMs,
            at + (side.ttftMs as number) + (side.itlSummary?.meanMs as number) * outputTokens + 10,
          );
        }
      }
      arrivalMs = nextMs;
      before = row;
    }
  }
  return labelled({ set: "drawn chats", name, half: halfOf(name) }, rows, {
    blockSize: BLOCK_SIZE,
    blocks: chains.blocks,
  });
}

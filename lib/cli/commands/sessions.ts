import { once } from "node:events";
import { Command } from "commander";
import { InputError } from "../../base/index.js";
import {
  EDGE_KINDS,
  type EdgeScore,
  explainEdge,
  inferSessions,
  recordedSessions,
  type SessionLabels,
  type SessionScore,
  type Sessions,
  scoreSessions,
} from "../../sessions/index.js";
import { formatTable } from "../print-table.js";
import { readInput } from "../read-input.js";
import { printErr, printOut } from "../terminal.js";

interface SessionsFlags {
  readonly truth: boolean;
  readonly strict: boolean;
  readonly json: boolean;
}

/** The `sessions` command: parents, turns and sessions of a trace, each with its evidence. */
export function sessionsCommand(): Command {
  return new Command("sessions")
    .description("Infer which request continues which from the chained block hashes of a trace.")
    .argument("<trace>", "trace in the tap schema; .gz is decompressed")
    .option(
      "--truth",
      "score against the sessions and turns that the trace records, and print the score",
      false,
    )
    .option("--strict", "fail on the first bad row instead of rejecting it", false)
    .option("--json", "only JSON: no summary on stderr", false)
    .addHelpText(
      "after",
      `
Prints JSON: an array in arrival order of {index, parent, turn, session, kind, fork, confidence, evidence, why}, where
parent is an index or null and turn counts from 1; with --truth one object with precision, recall and adjusted Rand
index, also by turn. A summary for people goes to stderr.

Examples:
  prefixlab sessions trace.jsonl.gz
  prefixlab sessions trace.jsonl.gz --truth`,
    )
    .action(async (path: string, flags: SessionsFlags) => {
      const trace = await readInput(path, { strict: flags.strict, quiet: flags.json });
      const sessions = inferSessions(trace);
      if (!flags.json) printErr(summaryOf(sessions));
      if (!flags.truth) {
        await writeSessions(sessions);
        return;
      }
      const truth = recordedSessions(trace);
      if (!truth)
        throw new InputError(
          `${path} has no session and turn fields to score against: --truth wants a trace of loadgen`,
        );
      await write(`${JSON.stringify(scoreJson(scoreSessions(sessions, truth)), null, 2)}\n`);
    });
}

async function writeSessions(sessions: Sessions): Promise<void> {
  const { parent, turn, session, evidence } = sessions;
  let text = "[";
  for (let i = 0; i < parent.length; i++) {
    const element = {
      index: i,
      parent: parentOf(sessions, i),
      turn: turn[i],
      session: session[i],
      kind: EDGE_KINDS[evidence.kind[i]],
      fork: evidence.fork[i] === 1,
      confidence: Number(evidence.confidence[i].toPrecision(3)),
      evidence: {
        shared_blocks: evidence.sharedBlocks[i],
        parent_blocks: evidence.parentBlocks[i],
        trunk_blocks: evidence.trunkBlocks[i],
        competing_parents: evidence.competingParents[i],
      },
      why: explainEdge(sessions, i),
    };
    text += `${i === 0 ? "\n" : ",\n"}${JSON.stringify(element)}`;
    if (text.length > 1 << 16) {
      await write(text);
      text = "";
    }
  }
  await write(`${text}\n]\n`);
}

async function write(text: string): Promise<void> {
  if (!printOut(text)) await once(process.stdout, "drain");
}

function parentOf(sessions: SessionLabels, record: number): number | null {
  const parent = sessions.parent[record];
  return parent < 0 ? null : parent;
}

function summaryOf(sessions: Sessions): string {
  const { parent, turn, evidence, sessionCount, warnings } = sessions;
  const rows = EDGE_KINDS.map((kind, code) => {
    const records = Array.from(parent.keys()).filter((i) => evidence.kind[i] === code);
    const forks = records.filter((i) => evidence.fork[i] === 1).length;
    const confidence = records.reduce((sum, i) => sum + evidence.confidence[i], 0) / records.length;
    return [kind, `${records.length}`, `${forks}`, records.length > 0 ? confidence.toFixed(2) : "-"];
  });
  const deepest = turn.reduce((most, t) => Math.max(most, t), 0);
  return `${warnings.map((warning) => `warning: ${warning}\n`).join("")}${parent.length} requests, ${sessionCount} sessions, at most ${deepest} turns\n${formatTable(["evidence", "requests", "forks", "mean confidence"], rows)}`;
}

function scoreJson(score: SessionScore): Record<string, unknown> {
  return {
    ...edgeJson(score),
    adjusted_rand_index: score.adjustedRandIndex,
    by_turn: score.byTurn.map((row) => ({ turn: row.turn, ...edgeJson(row) })),
  };
}

function edgeJson(score: EdgeScore): Record<string, number | null> {
  return {
    inferred: score.inferred,
    actual: score.actual,
    correct: score.correct,
    precision: score.precision ?? null,
    recall: score.recall ?? null,
  };
}

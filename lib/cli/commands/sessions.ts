import { once } from "node:events";
import { Command } from "commander";
import { InputError } from "../../base/index.js";
import {
  type ChosenSessions,
  EDGE_KINDS,
  type EdgeScore,
  explainEdge,
  PARENT_KINDS,
  recordedSessions,
  type SessionScore,
  scoreSessions,
  sessionsOf,
  waitsOf,
} from "../../sessions/index.js";
import type { Trace, TraceRecord } from "../../trace/index.js";
import { formatTable } from "../print-table.js";
import { readInput } from "../read-input.js";
import {
  addSessionFlags,
  parseShare,
  reportSessions,
  type SessionFlags,
  sessionsFromFlags,
} from "../session-flags.js";
import { printErr, printOut } from "../terminal.js";

interface SessionsFlags extends SessionFlags {
  readonly truth: boolean;
  readonly answerShare?: number;
  readonly strict: boolean;
  readonly json: boolean;
}

/** The `sessions` command: parents, turns and sessions of a trace, each with its evidence. */
export function sessionsCommand(): Command {
  const command = new Command("sessions")
    .description(
      "Who continues, spawns, joins or retries whom: as the trace records it, else from its chained block hashes.",
    )
    .argument("<trace>", "trace in the tap schema; .gz is decompressed")
    .option(
      "--truth",
      "score what the hashes tell against the sessions, turns and parents that the trace records, and print the score",
      false,
    )
    .option(
      "--answer-share <x>",
      "share of an answer by which an inferred turn must outgrow the one before (default: 0)",
      parseShare,
    )
    .option("--strict", "fail on the first bad row instead of rejecting it", false)
    .option("--json", "only JSON: no summary on stderr", false);
  return addSessionFlags(command)
    .addHelpText(
      "after",
      `
Prints JSON: an array in arrival order of {index, line, id, parent, parents, turn, session, kind, source, used, fork,
confidence, evidence, why}. index counts arrivals from 0, line the lines of the file from 1, id is the row's request_id.
parent is an index or null, parents all that is waited for; turn counts from 1. source says whether the row's place is
recorded or inferred. confidence is the probability that the parent is right, or that there is none: of those said to be
sure to 0.9, about 90 % are right; what is recorded counts as sure. Every edge is printed; one that is less sure than
--min-confidence has used false, and its request starts a session, here and wherever sessions are used. With --truth it
prints one object with precision, recall and adjusted Rand index of every edge, also by turn, and of spawns and joins; under
"used" the same of the edges that are used. A summary for people goes to stderr.

Examples:
  prefixlab sessions trace.jsonl.gz
  prefixlab sessions trace.jsonl.gz --truth --min-confidence 0.8`,
    )
    .action(async (path: string, flags: SessionsFlags) => {
      const lines = new Map<TraceRecord, number>();
      const trace = await readInput(path, {
        strict: flags.strict,
        quiet: flags.json,
        onRecord: (record, line) => lines.set(record, line),
      });
      const { answerShare } = flags;
      const options = { ...sessionsFromFlags(flags), ...(answerShare !== undefined && { answerShare }) };
      if (!flags.truth) {
        const sessions = sessionsOf(trace, options);
        if (!flags.json) {
          reportSessions(path, sessions);
          printErr(summaryOf(sessions));
        }
        await writeSessions(trace, sessions, lines);
        return;
      }
      const truth = recordedSessions(trace);
      if (!truth)
        throw new InputError(
          `${path} has no sessions, turns or parents to score against: --truth wants a trace of loadgen or of an agent`,
        );
      const sessions = sessionsOf(trace, { ...options, useRecorded: false });
      const every = sessionsOf(trace, { ...options, useRecorded: false, minConfidence: 0 });
      if (!flags.json) {
        reportSessions(path, sessionsOf(trace, options));
        printErr(summaryOf(sessions));
      }
      const score = {
        ...scoreJson(scoreSessions(every, truth)),
        used: scoreJson(scoreSessions(sessions, truth)),
        min_confidence: sessions.minConfidence,
        left_out: sessions.leftOut,
      };
      await write(`${JSON.stringify(score, null, 2)}\n`);
    });
}

async function writeSessions(
  { records }: Trace,
  sessions: ChosenSessions,
  lines: ReadonlyMap<TraceRecord, number>,
): Promise<void> {
  const nameOf = (i: number) => ({
    index: i,
    line: lines.get(records[i]) ?? null,
    id: records[i].requestId ?? null,
  });
  let text = "[";
  for (let i = 0; i < records.length; i++) {
    const edge = edgeOf(sessions, i);
    const element = {
      ...nameOf(i),
      parent: edge.parents[0]?.parent ?? null,
      parents: edge.parents.map(({ parent, kind, gapMs, from }) => ({
        ...nameOf(parent),
        kind,
        ...(gapMs !== undefined && { gap_ms: gapMs }),
        ...(from && { from }),
      })),
      turn: sessions.turn[i],
      session: sessions.session[i],
      kind: edge.kind,
      source: sessions.isRecorded[i] === 1 ? "recorded" : "inferred",
      used: edge.isUsed,
      agent_depth: sessions.agentDepth?.[i] ?? 0,
      ...evidenceJson(sessions, i, edge.confidence),
    };
    text += `${i === 0 ? "\n" : ",\n"}${JSON.stringify(element)}`;
    if (text.length > 1 << 16) {
      await write(text);
      text = "";
    }
  }
  await write(`${text}\n]\n`);
}

/** What a row says of its place: the edge that is used, or the one that was not sure enough. */
function edgeOf(sessions: ChosenSessions, i: number) {
  const { inferred } = sessions;
  const parents = waitsOf(sessions, i);
  const recorded = sessions.isRecorded[i] === 1;
  const agrees = inferred !== undefined && inferred.parent[i] === sessions.parent[i];
  if (recorded || !inferred) {
    const link = sessions.parent[i] < 0 ? "root" : PARENT_KINDS[sessions.link?.[i] ?? 0];
    return {
      parents,
      kind: agrees && inferred ? EDGE_KINDS[inferred.evidence.kind[i]] : link,
      confidence: 1,
      isUsed: true,
    };
  }
  return {
    parents: agrees ? parents : waitsOf(inferred, i),
    kind: EDGE_KINDS[inferred.evidence.kind[i]],
    confidence: inferred.evidence.confidence[i],
    isUsed: agrees,
  };
}

function evidenceJson(sessions: ChosenSessions, i: number, confidence: number): Record<string, unknown> {
  const { inferred } = sessions;
  if (!inferred) return { fork: false, confidence, why: "recorded" };
  const { evidence } = inferred;
  const differs = sessions.isRecorded[i] === 1 && inferred.parent[i] !== sessions.parent[i];
  return {
    fork: evidence.fork[i] === 1,
    confidence: Number(confidence.toPrecision(3)),
    evidence: {
      shared_blocks: evidence.sharedBlocks[i],
      parent_blocks: evidence.parentBlocks[i],
      trunk_blocks: evidence.trunkBlocks[i],
      competing_parents: evidence.competingParents[i],
    },
    ...(differs && {
      inferred: {
        parent: inferred.parent[i] < 0 ? null : inferred.parent[i],
        kind: EDGE_KINDS[evidence.kind[i]],
        confidence: Number(evidence.confidence[i].toPrecision(3)),
      },
    }),
    why: `${sessions.isRecorded[i] === 1 ? "recorded; the hashes: " : ""}${explainEdge(inferred, i)}`,
  };
}

async function write(text: string): Promise<void> {
  if (!printOut(text)) await once(process.stdout, "drain");
}

function summaryOf(sessions: ChosenSessions): string {
  const { inferred, turn, sessionCount, isRecorded } = sessions;
  const deepest = turn.reduce((most, t) => Math.max(most, t), 0);
  const told = isRecorded.reduce((sum, is) => sum + is, 0);
  const source = told === 0 ? "" : `, recorded for ${told} of the requests`;
  const head = `${turn.length} requests, ${sessionCount} sessions${source}, at most ${deepest} turns\n`;
  if (!inferred) return head;
  const { evidence } = inferred;
  const rows = EDGE_KINDS.flatMap((kind, code) => {
    const records = Array.from(turn.keys()).filter((i) => evidence.kind[i] === code);
    if (records.length === 0 && (kind === "spawn" || kind === "restart" || kind === "retry")) return [];
    const forks = records.filter((i) => evidence.fork[i] === 1).length;
    const confidence = records.reduce((sum, i) => sum + evidence.confidence[i], 0) / records.length;
    return [[kind, `${records.length}`, `${forks}`, records.length > 0 ? confidence.toFixed(2) : "-"]];
  });
  return `${head}${formatTable(["evidence", "requests", "forks", "mean confidence"], rows)}`;
}

function scoreJson(score: SessionScore): Record<string, unknown> {
  return {
    ...edgeJson(score),
    adjusted_rand_index: score.adjustedRandIndex,
    spawns: edgeJson(score.spawns),
    joins: edgeJson(score.joins),
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

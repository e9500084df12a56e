import type { ParentEdge } from "../../trace.js";
import type { LoggedCall } from "./logged-calls.js";
import type { PromptPart } from "./text-prompt.js";

/** Calls of one session that are compared with each other: beyond it, who waited for whom is left open. */
const mostCompared = 4000;

/**
 * Says which calls a call waited for: the earlier ones of its session that had ended when it started and whose whole answer
 * stands in its prompt, less those that one of the others waited for already. The one whose prompt it continues is its turn
 * before; of others, one alone is a spawn, several are joined.
 */
export function outputEdges(calls: readonly LoggedCall[]): LoggedCall[] {
  const bySession = new Map<string, LoggedCall[]>();
  for (const call of calls) {
    if (call.session === undefined) continue;
    const list = bySession.get(call.session);
    if (list) list.push(call);
    else bySession.set(call.session, [call]);
  }
  const placed = new Map<LoggedCall, { parents: ParentEdge[]; turn: number }>();
  for (const session of bySession.values()) {
    const known = session.filter(
      ({ startMs, requestId }) => startMs !== undefined && requestId !== undefined,
    );
    if (known.length > mostCompared) continue;
    known.sort((a, b) => (a.startMs as number) - (b.startMs as number));
    const ancestors = new Map<LoggedCall, Set<LoggedCall>>();
    for (const call of known) {
      const before = answersIn(call, known);
      const all = new Set<LoggedCall>(before);
      for (const parent of before) for (const older of ancestors.get(parent) ?? []) all.add(older);
      ancestors.set(call, all);
      const direct = before.filter((parent) => !before.some((other) => ancestors.get(other)?.has(parent)));
      const parents = direct.map((parent): ParentEdge => {
        const isTurn = continues(call.prompt, parent.prompt);
        const gapMs = Math.max(0, (call.startMs as number) - endOf(parent));
        return {
          requestId: parent.requestId as string,
          kind: isTurn ? "turn" : direct.length > 1 ? "join" : "spawn",
          gapMs: Math.round(gapMs * 1e3) / 1e3,
        };
      });
      const turn = 1 + Math.max(0, ...direct.map((parent) => placed.get(parent)?.turn ?? 0));
      placed.set(call, { parents, turn });
    }
  }
  return calls.map((call) => ({ ...call, ...placed.get(call) }));
}

/** The earlier calls, ended by then, whose answer stands in the prompt of this one. */
export function answersIn(call: LoggedCall, earlier: readonly LoggedCall[]): LoggedCall[] {
  if (!isParts(call.prompt)) return [];
  const text = call.prompt.map((part) => part.text).join("\n");
  return earlier.filter(
    (other) =>
      other !== call &&
      other.answer !== undefined &&
      other.answer !== "" &&
      endOf(other) <= (call.startMs as number) &&
      text.includes(other.answer),
  );
}

function endOf({ startMs, elapsedMs }: LoggedCall): number {
  return (startMs as number) + (elapsedMs ?? 0);
}

function continues(prompt: LoggedCall["prompt"], before: LoggedCall["prompt"]): boolean {
  if (!isParts(prompt) || !isParts(before) || before.length >= prompt.length) return false;
  return before.every(({ role, text }, at) => prompt[at]?.role === role && prompt[at]?.text === text);
}

function isParts(prompt: LoggedCall["prompt"]): prompt is readonly PromptPart[] {
  return prompt !== undefined && prompt.length > 0 && typeof prompt[0] === "object";
}

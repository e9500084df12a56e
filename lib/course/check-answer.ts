import { createHash } from "node:crypto";
import { type Answer, isAnswer } from "./answer-digest.js";

/** What becomes of an answer. */
export type AnswerVerdict = "right" | "wrong" | "not yet";

/**
 * Checks an answer in a notebook's cell, without telling it: right, wrong, or not yet given.
 * @param exercise its name, such as "4.3"
 * @param answer undefined: not yet given
 * @param digest of the right answer, see {@link answerDigest}
 * @returns a line for the reader; the mark at its end is what {@link readVerdicts} goes by
 * @example
 * ```ts
 * import { answerDigest, checkAnswer } from "prefixlab/course";
 * const digest = answerDigest("1.1", [96, 64], 15);
 * checkAnswer("1.1", undefined, digest).slice(0, 21); // → "exercise 1.1: not yet"
 * checkAnswer("1.1", [96, 64], digest).slice(0, 19); // → "exercise 1.1: right"
 * ```
 */
export function checkAnswer(exercise: string, answer: Answer | undefined, digest: string): string {
  const verdict =
    answer === undefined || (Array.isArray(answer) && answer.includes(undefined))
      ? "not yet"
      : isGiven(answer) && isAnswer(exercise, answer, digest)
        ? "right"
        : "wrong";
  const advice = { right: "", wrong: "; its hint is folded above", "not yet": "" }[verdict];
  return `exercise ${exercise}: ${verdict}${advice} [${markOf(digest, verdict)}]`;
}

/**
 * The verdicts that lines of {@link checkAnswer} hold, by exercise; the last one counts. A line whose mark is not that of the
 * exercise's digest was not printed by a check of that digest, and counts for nothing.
 * @example
 * ```ts
 * import { answerDigest, checkAnswer, readVerdicts } from "prefixlab/course";
 * const digests = { "1.1": answerDigest("1.1", 96) };
 * readVerdicts(checkAnswer("1.1", 96, digests["1.1"]), digests); // → { 1.1: "right" }
 * ```
 */
export function readVerdicts(
  printed: string,
  digests: Readonly<Record<string, string>>,
): Record<string, AnswerVerdict> {
  const verdicts: Record<string, AnswerVerdict> = {};
  for (const [, exercise, word, mark] of printed.matchAll(
    /^exercise (\S+): (right|wrong|not yet).*? \[(\w+)\]$/gm,
  )) {
    const verdict = word as AnswerVerdict;
    const digest = digests[exercise];
    if (digest !== undefined && markOf(digest, verdict) === mark) verdicts[exercise] = verdict;
  }
  return verdicts;
}

function markOf(digest: string, verdict: AnswerVerdict): string {
  return createHash("sha256").update(`${digest} ${verdict}`).digest("hex").slice(0, 6);
}

/** Numbers that came out as none are wrong, not an error of the check. */
function isGiven(answer: Answer): boolean {
  return Array.isArray(answer)
    ? (answer as readonly Answer[]).every(isGiven)
    : typeof answer !== "number" || Number.isFinite(answer);
}

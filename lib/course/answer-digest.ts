import { createHash } from "node:crypto";
import { InputError } from "../base/index.js";

/** An answer to an exercise: a number, a word, or several of them in order. */
export type Answer = number | string | boolean | readonly Answer[];

/** Significant digits to which numbers count, where none are given. */
const usualDigits = 3;

/**
 * What a notebook carries in place of an answer: the digits to which numbers count, and a hash of exercise and answer. A reader
 * cannot read the answer from it; who tries answers one by one can find it.
 * @param digits significant digits to which numbers count; 15 for counts, which have to be equal
 * @throws InputError for an answer that holds anything but finite numbers, words and truth values
 * @example
 * ```ts
 * import { answerDigest } from "prefixlab/course";
 * answerDigest("1.1", [96, 64], 15); // → "15.d3eda4f868ce529f"
 * ```
 */
export function answerDigest(exercise: string, answer: Answer, digits = usualDigits): string {
  if (!Number.isInteger(digits) || digits < 1 || digits > 15)
    throw new InputError(`answerDigest: digits must be a whole number from 1 to 15, got ${digits}`);
  return `${digits}.${hashOf(exercise, canonicalForms(answer, digits, 0)[0])}`;
}

/** Whether an answer is that of a digest: each number equal to the digest's digits, or one off in the last of them. */
export function isAnswer(exercise: string, answer: Answer, digest: string): boolean {
  const [digits, hash] = digest.split(".");
  return canonicalForms(answer, Number(digits), 1).some((form) => hashOf(exercise, form) === hash);
}

function hashOf(exercise: string, form: string): string {
  return createHash("sha256").update(`${exercise}|${form}`).digest("hex").slice(0, 16);
}

/** The answer in one form, and in those with its numbers off by up to `slack` in their last digit. */
function canonicalForms(answer: Answer, digits: number, slack: number): string[] {
  if (Array.isArray(answer)) {
    const parts = (answer as readonly Answer[]).map((part) => canonicalForms(part, digits, slack));
    return parts
      .reduce<string[][]>((all, forms) => all.flatMap((left) => forms.map((form) => [...left, form])), [[]])
      .map((forms) => `[${forms.join(",")}]`);
  }
  if (typeof answer === "string") return [answer.trim().toLowerCase()];
  if (typeof answer === "boolean") return [String(answer)];
  if (typeof answer !== "number" || !Number.isFinite(answer))
    throw new InputError(
      `answerDigest: an answer is finite numbers, words and truth values, got ${String(answer)}`,
    );
  const rounded = Number(answer.toPrecision(digits));
  if (digits === 15 || slack === 0 || rounded === 0) return [String(rounded)];
  const unit = 10 ** (Math.floor(Math.log10(Math.abs(rounded))) - digits + 1);
  return [rounded, rounded - unit, rounded + unit].map((value) => String(Number(value.toPrecision(digits))));
}

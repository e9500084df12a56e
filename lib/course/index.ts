/**
 * Exercises: an answer checked in a notebook's cell without telling it, and what was answered read back for marks.
 *
 * Read `check-answer.ts` first, then `answer-digest.ts` (what a notebook carries in place of an answer).
 */
export { type Answer, answerDigest, isAnswer } from "./answer-digest.js";
export { type AnswerVerdict, checkAnswer, readVerdicts } from "./check-answer.js";

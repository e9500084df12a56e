import type { Command } from "commander";
import type { AnswerReuse } from "../replay/index.js";

/** The flag that leaves out what rests on the next turn repeating the answer; commander's default is true. */
export interface AnswerFlags {
  readonly answerReuse: boolean;
}

/** Adds `--no-answer-reuse` to a command. */
export function addAnswerFlag(command: Command): Command {
  return command.option(
    "--no-answer-reuse",
    "where no hashes tell an answer, do not take the next turn to repeat it: the answer's blocks are found by nobody",
  );
}

/** What rests on the next turn repeating the answer, for a JSON document. */
export function answerReuseJson(reuse: AnswerReuse | undefined): Record<string, unknown> | null {
  if (!reuse) return null;
  const { isAssumed, blockSize, requests, tokens, sharedWith, sharedWithout } = reuse;
  return {
    assumed: isAssumed,
    block_size: blockSize,
    requests,
    tokens,
    unbounded_share_with: sharedWith,
    unbounded_share_without: sharedWithout,
    points: 100 * (sharedWith - sharedWithout),
  };
}

import { enterStage } from "./stage.js";

/**
 * Characters that a terminal acts on or shows in another order than they are in: C0 and C1 controls but for line end and
 * tab, DEL, line and paragraph separators, the marks of bidirectional text, tags, and halves of surrogate pairs.
 */
const controls =
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is looked for
  /[\0-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\u{e0000}-\u{e007f}\p{Surrogate}]/gu;

/**
 * Text as it can be shown: what a terminal would act on stands there as `\u001b`. Names, messages and rows of files and
 * servers pass through here. In JSON such characters stand in strings only, so that it means the same afterwards.
 */
export function visible(text: string): string {
  return text.replace(controls, escaped);
}

/** {@link visible} text on one line: for a value within one. */
export function visibleLine(text: string): string {
  return visible(text).replace(/[\n\t]/g, escaped);
}

/**
 * Prints on stdout.
 * @returns false when more should wait for the stream's `drain`
 */
export function printOut(text: string): boolean {
  enterStage("write");
  return process.stdout.write(visible(text));
}

/** Prints on stderr. */
export function printErr(text: string): void {
  process.stderr.write(visible(text));
}

function escaped(character: string): string {
  let text = "";
  for (let at = 0; at < character.length; at++)
    text += `\\u${character.charCodeAt(at).toString(16).padStart(4, "0")}`;
  return text;
}

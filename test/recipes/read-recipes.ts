import { readFileSync } from "node:fs";
import { fromRoot } from "../cli/run-cli.js";

/** A file that a recipe adds, or an edit of one that is there. */
export interface RecipeStep {
  /** From the project's root. */
  readonly path: string;
  readonly kind: "file" | "edit";
  readonly text: string;
}

/** A section of CONTRIBUTING.md that says how to add something. */
export interface Recipe {
  readonly title: string;
  readonly steps: readonly RecipeStep[];
}

/** The recipes of CONTRIBUTING.md: its blocks of code that name a file, by section. */
export function readRecipes(): readonly Recipe[] {
  const [, recipes = ""] = readFileSync(fromRoot("CONTRIBUTING.md"), "utf8").split("\n## Recipes\n");
  return recipes
    .split("\n### ")
    .slice(1)
    .map((section) => ({
      title: section.split("\n", 1)[0],
      steps: [...section.matchAll(/^```(\w+) (\S+)\n([\s\S]*?)^```$/gm)].map(([, language, path, text]) => ({
        path,
        kind: language === "diff" ? ("edit" as const) : ("file" as const),
        text,
      })),
    }));
}

/**
 * Applies an edit, whose lines begin with " " (there before and after), "-" (before) or "+" (after) and whose parts are
 * set apart by "@@".
 * @throws Error when what was there before is not there, or more than once
 */
export function applyEdit(source: string, edit: string): string {
  let edited = source;
  for (const part of edit.split(/^@@$\n/m)) {
    const lines = part.replace(/\n$/, "").split("\n");
    const side = (left: string) =>
      lines
        .filter((line) => !line.startsWith(left))
        .map((line) => `${line.slice(1)}\n`)
        .join("");
    const [before, after] = [side("+"), side("-")];
    const found = edited.split(before).length - 1;
    if (found !== 1) throw new Error(`${found} places for this edit, and not one:\n${part}`);
    edited = edited.replace(before, () => after);
  }
  return edited;
}

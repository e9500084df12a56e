import { readFileSync } from "node:fs";
import { inspect } from "node:util";
import { describe, expect, it } from "vitest";
import * as survival from "../../lib/survival/index.js";

const page = readFileSync(new URL("../../lib/survival/API.md", import.meta.url), "utf8");
const examples = [...page.matchAll(/```ts\n([\s\S]*?)```/g)].map((match) => match[1]!);

/** Runs an example with the room's exports in place of its import, and gives what it printed, a line a call. */
function run(example: string): string[] {
  const printed: string[] = [];
  const print = { log: (...values: unknown[]) => printed.push(values.map(shown).join(" ")) };
  const imported = /import \{([^}]*)\} from "prefixlab\/survival";/.exec(example);
  const code = example.replace(imported![0], `const {${imported![1]}} = survival;`);
  new Function("survival", "console", code)(survival, print);
  return printed;
}

function shown(value: unknown): string {
  return typeof value === "string" ? value : inspect(value, { breakLength: Number.POSITIVE_INFINITY });
}

describe("lib/survival/API.md", () => {
  it.each(examples)("prints what its comments say: example %#", (example) => {
    const promised = [...example.matchAll(/console\.log\(.*\); \/\/ (.*)$/gm)].map((match) => match[1]!);
    expect(promised.length).toBeGreaterThan(0);
    expect(run(example)).toEqual(promised);
  });

  it("names every function of the room, and none that does not exist", () => {
    const functions = Object.entries(survival).flatMap(([name, value]) =>
      typeof value === "function" ? [name] : [],
    );
    for (const name of functions.filter((own) => own !== "criticalValue"))
      expect(page).toContain(`\`${name}(`);
    for (const [, name] of page.matchAll(/`([a-z][A-Za-z]+)\(/g)) expect(functions).toContain(name);
  });
});

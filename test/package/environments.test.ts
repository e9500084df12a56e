import { execFileSync } from "node:child_process";
import { readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import { root } from "./install-package.js";

const read = (...path: string[]) => readFileSync(join(root, ...path), "utf8");
const { engines, scripts } = JSON.parse(read("package.json")) as {
  readonly engines: { readonly node: string };
  readonly scripts: Record<string, string>;
};
const oldestMajor = Number(/\d+/.exec(engines.node)?.[0]);

/** Commands of a shell script, a line each. */
const commandsOf = (script: string) =>
  script
    .split(/\n|&&/)
    .map((line) => line.trim())
    .filter((line) => line !== "" && !/^(#|set )/.test(line));

describe("the environments that others open", () => {
  it("are made by the same commands, which are there", () => {
    const container = JSON.parse(read(".devcontainer", "devcontainer.json"));
    const commands = commandsOf(read(".binder", "postBuild"));
    expect(commandsOf(container.postCreateCommand)).toEqual(commands);
    expect(commands).toEqual(["npm run build", "node dist/cli/main.js notebook kernel"]);
    expect(Object.keys(scripts)).toContain("build");
    // Binder runs it as a program.
    expect(statSync(join(root, ".binder", "postBuild")).mode & 0o111).toBe(0o111);
    execFileSync("bash", ["-n", join(root, ".binder", "postBuild")]);
  });

  it("have a Node that the package runs on", () => {
    const { dependencies } = parse(read(".binder", "environment.yml")) as { dependencies: string[] };
    const binder = dependencies.find((name) => name.startsWith("nodejs="))?.slice("nodejs=".length);
    const { image } = JSON.parse(read(".devcontainer", "devcontainer.json"));
    const container = /javascript-node:(\d+)-/.exec(image)?.[1];
    expect(Number(binder)).toBeGreaterThanOrEqual(oldestMajor);
    expect(container).toBe(binder);
  });
});

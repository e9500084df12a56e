import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { runCli } from "./run-cli.js";

const dir = mkdtempSync(join(tmpdir(), "prefixlab completion "));
afterAll(() => rmSync(dir, { recursive: true }));

/** What a shell is told, asked for once. */
const scripts = Object.fromEntries(
  ["bash", "zsh", "fish"].map((shell) => [shell, runCli(["completion", shell]).stdout]),
);

/** What bash would put behind a line that was begun: the last word is the one under the cursor. */
function completed(line: string): string[] {
  const words = ["prefixlab", ...line.split(/ |(?==)|(?<==)/)];
  const script = `${scripts.bash}\nCOMP_WORDS=(${words.map((word) => `'${word}'`).join(" ")})\nCOMP_CWORD=${words.length - 1}\n_prefixlab\nprintf '%s\\n' "\${COMPREPLY[@]}"`;
  const { stdout, stderr, status } = spawnSync("bash", ["--norc", "-c", script], { encoding: "utf8" });
  expect([status, stderr]).toEqual([0, ""]);
  return stdout.split("\n").filter((word) => word !== "");
}

/** Whether a shell is here that could say that it does not understand its script. */
const has = (shell: string) => spawnSync(shell, ["--version"]).status === 0;

describe("prefixlab completion bash", () => {
  it("completes the commands that --help lists", () => {
    const listed = [...runCli(["--help"]).stdout.matchAll(/^ {2}([a-z]+) {2,}/gm)].map(([, name]) => name);
    expect(listed).toContain("figure");
    expect(completed("").sort()).toEqual(listed.filter((name) => name !== "help").sort());
    expect(completed("fi").sort()).toEqual(["figure", "fit"]);
  });

  it("completes the flags that a command's --help lists, subcommands among them", () => {
    for (const command of ["replay", "loadgen", "notebook run"]) {
      const help = runCli([...command.split(" "), "--help"]).stdout;
      const listed = [...help.matchAll(/^ {2}(?:-\w, )?(--[\w-]+)/gm)].map(([, name]) => name);
      expect(listed.length).toBeGreaterThan(4);
      expect(completed(`${command} --`).sort()).toEqual(listed.sort());
    }
    expect(completed("notebook ").sort()).toEqual(["grade", "kernel", "run", "student"]);
  });

  it("completes the words of a flag, in both of its forms, and leaves files to the shell", () => {
    expect(completed("loadgen --pattern st")).toEqual(["staircase"]);
    expect(completed("loadgen --pattern=st")).toEqual(["staircase"]);
    expect(completed("replay trace.jsonl.gz --profile h200-qwen3-8")).toEqual(["h200-qwen3-8b"]);
    expect(completed("replay --latency-trace da")).toEqual([]);
    expect(completed("replay da")).toEqual([]);
  });
});

describe("prefixlab completion", () => {
  it("refuses a shell that it does not know, by name", () => {
    const { status, stderr } = runCli(["completion", "tcsh"]);
    expect(status).toBe(2);
    expect(stderr).toContain('bash, zsh, fish, got "tcsh"');
  });

  for (const shell of ["zsh", "fish"]) {
    it.skipIf(!has(shell))(
      `prints a script that ${shell} takes${has(shell) ? "" : ` (skipped: no ${shell})`}`,
      () => {
        // From a file, as a shell reads it: fish takes no script from a socket, which is what a child's input is here.
        const path = join(dir, `completion.${shell}`);
        writeFileSync(path, scripts[shell]);
        const { status, stderr } = spawnSync(shell, ["-n", path], { encoding: "utf8" });
        expect([status, stderr]).toEqual([0, ""]);
      },
    );
  }

  it.skipIf(!has("fish"))(`completes in fish${has("fish") ? "" : " (skipped: no fish)"}`, () => {
    const path = join(dir, "completion.fish");
    writeFileSync(path, scripts.fish);
    const of = (line: string) => {
      const ask = `source '${path}'; complete -C '${line}'`;
      const { stdout } = spawnSync("fish", ["--no-config", "-c", ask], { encoding: "utf8" });
      return stdout.split("\n").flatMap((found) => found.split("\t", 1)[0] || []);
    };
    expect(of("prefixlab rep")).toEqual(["replay"]);
    expect(of("prefixlab replay --latency-tr")).toEqual(["--latency-trace"]);
    expect(of("prefixlab loadgen --pattern st")).toEqual(["staircase"]);
    expect(of("prefixlab notebook ").sort()).toEqual(["grade", "kernel", "run", "student"]);
  });
});

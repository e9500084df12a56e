import { spawnSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import {
  exportedEntries,
  type InstalledPackage,
  installPackage,
  packPackage,
  root,
  scratchFolder,
} from "./install-package.js";

const scratch = scratchFolder("someone's folder");
afterAll(() => rmSync(scratch, { recursive: true, force: true }));
const packed = packPackage(scratch);
const entries = exportedEntries();
const mb = (bytes: number) => `${(bytes / 1e6).toFixed(1)} MB`;

describe("what npm packs", () => {
  it("is compiled code, its types and the captures, and nothing of the checkout's own", () => {
    console.log(
      `package: ${packed.files.length} files, ${mb(packed.bytes)}, unpacked ${mb(packed.unpackedBytes)}`,
    );
    const strangers = packed.files.filter(
      (path) =>
        !/^(dist\/.*\.(js|d\.ts|json)|data\/.*|package\.json|README\.md|LICENSE|CHANGELOG\.md)$/.test(path),
    );
    expect(strangers).toEqual([]);
    expect(packed.bytes).toBeLessThan(7.8e6);
  });

  it("holds every capture that the inventory names", () => {
    const { captures } = JSON.parse(readFileSync(join(root, "data", "inventory.json"), "utf8")) as {
      captures: { file: string }[];
    };
    expect(captures.length).toBeGreaterThan(0);
    expect(packed.files).toEqual(expect.arrayContaining(captures.map(({ file }) => `data/${file}`)));
  });

  it("has an entry for every room, but for the command line's kernel and what the rooms themselves write files with", () => {
    const rooms = readdirSync(join(root, "lib"), { recursive: true, encoding: "utf8" })
      .filter((file) => /^([^/]+|trace\/files)\/index\.ts$/.test(file))
      .map((file) => `/${file.replace("/index.ts", "")}`)
      .filter((room) => room !== "/notebook" && room !== "/output");
    expect([...entries].sort()).toEqual(["", ...rooms].sort());
    for (const entry of entries) expect(packed.files).toContain(`dist${entry}/index.js`);
  });
});

const outcome = installPackage(packed.tarball, scratch);
const reason = typeof outcome === "string" ? ` (skipped: ${outcome})` : "";
const installed = outcome as InstalledPackage;
if (reason !== "") console.log(`the package in an empty project${reason}`);

/** Runs a program in the project. */
function run(args: readonly string[]) {
  const { status, stdout, stderr } = spawnSync(process.execPath, args, {
    cwd: installed.project,
    encoding: "utf8",
  });
  return { status, stdout, stderr };
}

/** Runs a file with this text in the project; the lines that it printed. */
function runFile(name: string, text: string): string[] {
  writeFileSync(join(installed.project, name), text);
  const { status, stdout, stderr } = run([name]);
  expect(`${status} ${stderr}`).toBe("0 ");
  return stdout.trim().split("\n");
}

describe.skipIf(reason !== "")(`the package in an empty project${reason}`, { timeout: 300_000 }, () => {
  const prefixlab = (...args: string[]) =>
    run([join("node_modules", "prefixlab", "dist", "cli", "main.js"), ...args]);

  it("installs without a complaint, an install script, or an address outside the registry", () => {
    const lock = JSON.parse(readFileSync(join(installed.project, "package-lock.json"), "utf8")) as {
      packages: Record<string, { resolved?: string; hasInstallScript?: boolean; optional?: boolean }>;
    };
    const packages = Object.entries(lock.packages).filter(
      ([path]) => existsSync(join(installed.project, path)) && path !== "",
    );
    console.log(
      `installed: ${packages.length} packages, ${mb(installed.bytes)}, in ${(installed.wallMs / 1000).toFixed(1)} s`,
    );
    expect(installed.log).not.toMatch(/npm (warn|error)/i);
    expect(packages.filter(([, { hasInstallScript }]) => hasInstallScript)).toEqual([]);
    const elsewhere = packages.filter(
      ([path, { resolved }]) => resolved && path !== "node_modules/prefixlab",
    );
    expect(elsewhere).toEqual([]);
  });

  it("gives an ES module every entry, and fits and replays its captures", () => {
    const printed = runFile(
      "example.mjs",
      `${entries.map((entry, at) => `import * as m${at} from "prefixlab${entry}";`).join("\n")}
       console.log([${entries.map((_, at) => `Object.keys(m${at}).length > 0`)}].every(Boolean));
       import { cacheEffect, fitLatency, readCapture, readCaptures, summarizeCohorts, workloadOf } from "prefixlab";
       const { model } = fitLatency(await readCaptures({ role: "fit" }));
       const captured = await readCapture({ role: "judge", scenario: "warm", seed: 1 });
       for (const series of cacheEffect(workloadOf(captured), { model }).series)
         console.log(series.kind, series.cache, summarizeCohorts(series).turns2plus.n);`,
    );
    expect(printed).toEqual(["true", "captured on 256", "modeled on 256", "modeled off 256"]);
  });

  it("gives CommonJS every entry through require", () => {
    const printed = runFile(
      "example.cjs",
      `for (const entry of ${JSON.stringify(entries)})
         console.log(entry, Object.keys(require("prefixlab" + entry)).length > 0);`,
    );
    expect(printed).toEqual(entries.map((entry) => `${entry} true`.trimStart()));
  });

  it.each([
    ["ES modules and CommonJS under nodenext", ["a.mts", "b.cts"], "--module nodenext", "typescript/bin/tsc"],
    ["a bundler", ["a.mts"], "--module esnext --moduleResolution bundler", "typescript/bin/tsc"],
    [
      "the notebooks' TypeScript, which knows no exports",
      ["c.ts"],
      "--module esnext --moduleResolution node10",
      "@tslab/typescript-for-tslab/bin/tsc",
    ],
  ])("has types for %s, strictly and without skipping its declarations", (_, files, how, compiler) => {
    const text = `${entries.map((entry, at) => `import * as m${at} from "prefixlab${entry}";`).join("\n")}
      import { type Trace, workloadOf } from "prefixlab";
      import { kaplanMeier } from "prefixlab/survival";
      export const entries = [${entries.map((_, at) => `m${at}`)}];
      export const count = (trace: Trace): number => trace.records.length;
      export const survival: Float64Array = kaplanMeier({ times: [1, 2] }).survival;
      // @ts-expect-error: types that resolve to any would take this
      export const wrong = workloadOf(3);`;
    for (const file of files) writeFileSync(join(installed.project, file), text);
    const { status, stdout } = run([
      join(root, "node_modules", compiler),
      ...`--noEmit --strict --target es2022 --lib es2022 ${how} --types node`.split(" "),
      "--typeRoots",
      join(root, "node_modules", "@types"),
      ...files,
    ]);
    expect(stdout).toBe("");
    expect(status).toBe(0);
  });

  it("draws the figure of its captures with the binary", () => {
    const { status, stdout } = prefixlab("figure", "--out-dir", "out", "--json");
    expect(status).toBe(0);
    expect(Object.keys(JSON.parse(stdout) as object).length).toBeGreaterThan(0);
    const written = readdirSync(join(installed.project, "out")).sort();
    expect(written).toEqual([
      "cache-effect.html",
      "cache-effect.json",
      "cache-effect.png",
      "cache-effect.svg",
    ]);
    expect(existsSync(join(installed.project, "node_modules", ".bin", "prefixlab"))).toBe(true);
  });

  it("asks tables in SQL, and says what to install where a notebook is asked for", () => {
    const { peerDependencies } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as {
      peerDependencies: Record<string, string>;
    };
    const printed = runFile(
      "table.mjs",
      `import { queryTables, tableOf } from "prefixlab";
       console.log(String(await queryTables("SELECT sum(n) AS n FROM t", { t: tableOf([{ n: 1 }, { n: 2 }]) })));`,
    );
    expect(printed).toEqual(["n", "3"]);
    writeFileSync(
      join(installed.project, "empty.ipynb"),
      '{"cells":[],"metadata":{},"nbformat":4,"nbformat_minor":5}',
    );
    const ran = prefixlab("notebook", "run", "empty.ipynb");
    expect(ran.status).toBe(2);
    expect(ran.stderr).toContain(`run npm install tslab@${peerDependencies.tslab}`);
    const registered = prefixlab("notebook", "kernel", "--dir", "jupyter");
    expect(registered.status).toBe(2);
    expect(registered.stderr).toContain(`zeromq@${peerDependencies.zeromq}`);
  });
});

import { readdirSync } from "node:fs";
import { createRequire, isBuiltin } from "node:module";
import { join } from "node:path";
import { createContext, runInContext } from "node:vm";
import { rolldown } from "rolldown";
import { describe, expect, it } from "vitest";
import * as latency from "../../lib/latency/index.js";
import * as replayRoom from "../../lib/replay/index.js";
import * as sessions from "../../lib/sessions/index.js";
import * as trace from "../../lib/trace/index.js";
import { root } from "./install-package.js";

const rules = createRequire(import.meta.url)("../../.dependency-cruiser.cjs") as {
  forbidden: { name: string; from: { path: string } }[];
};
const below = new RegExp(rules.forbidden.find(({ name }) => name === "runs-in-a-browser")?.from.path ?? "^$");
/** The rooms that a page in a browser can run, as the room rules have them. */
const rooms = readdirSync(join(root, "lib")).filter((room) => below.test(`lib/${room}/index.ts`));

/** Modules that were asked for and are none of the bundle's, with who asked. */
const outside: string[] = [];
const bundle = await rolldown({
  input: "rooms",
  platform: "browser",
  resolve: { extensionAlias: { ".js": [".ts", ".js"] } },
  onLog: () => undefined,
  plugins: [
    {
      name: "rooms",
      async resolveId(source, importer, options) {
        if (source === "rooms") return source;
        const found = await this.resolve(source, importer, { ...options, skipSelf: true });
        if (!found || found.external || isBuiltin(found.id)) {
          outside.push(`${importer?.replace(root, "")}: ${source}`);
          return { id: source, external: true };
        }
        return found;
      },
      load: (id) =>
        id === "rooms"
          ? rooms
              .map(
                (room) => `export * as ${room} from ${JSON.stringify(join(root, "lib", room, "index.js"))};`,
              )
              .join("\n")
          : null,
    },
  ],
});
const { output } = await bundle.generate({ format: "iife", name: "rooms" });
const [{ code }] = output;

/** A replay of two sessions that share a prefix, by rooms of the package: cached tokens and TTFT of each request. */
function smallReplay(given: {
  trace: Pick<typeof trace, "BlockTable">;
  sessions: Pick<typeof sessions, "workloadOf">;
  latency: Pick<typeof latency, "latencyProfile">;
  replay: Pick<typeof replayRoom, "replay">;
}): string {
  const blocks = new given.trace.BlockTable();
  const chain = (own: number, length: number) =>
    Int32Array.from({ length }, (_, at) => blocks.intern(at < 4 ? at + 1 : own * 1000 + at, 7));
  const request = (own: number, arrivalMs: number, promptTokens: number) => ({
    promptTokens,
    outputTokens: 8,
    arrivalMs,
    ttftMs: 20,
    itlMs: new Float64Array(7).fill(5),
    blockIds: chain(own, Math.floor(promptTokens / 16)),
    finishReason: "length",
  });
  const captured = {
    meta: { blockSize: 16, extra: {} },
    records: [request(1, 0, 100), request(2, 300, 120), request(1, 600, 200), request(2, 900, 240)],
    blocks,
    rejected: [],
    warnings: [],
  };
  const { trace: modeled } = given.replay.replay(given.sessions.workloadOf(captured), {
    model: given.latency.latencyProfile("h200-qwen3-8b"),
  });
  return JSON.stringify(modeled.records.map(({ cachedTokens, ttftMs }) => [cachedTokens, ttftMs]));
}

describe("the rooms from base to judge, bundled for a browser", () => {
  it("are all there", () => {
    expect(rooms).toEqual(expect.arrayContaining(["base", "trace", "survival", "engine", "replay", "judge"]));
    expect(rooms).not.toContain("capture");
  });

  it("import nothing of Node's", () => {
    console.log(`bundle: ${rooms.length} rooms, ${(code.length / 1e3).toFixed(0)} kB unminified`);
    // DDSketch asks for it when a sketch is turned into protobuf, which no room does.
    expect(outside).toEqual([expect.stringMatching(/sketches-js.*: protobufjs\/minimal$/)]);
  });

  it("replay a trace where there is no process, no require and no Buffer, with the same result", () => {
    const page = createContext({ performance });
    runInContext(code, page);
    expect(runInContext("[typeof process, typeof require, typeof Buffer]", page)).toEqual(
      Array(3).fill("undefined"),
    );
    const inPage = runInContext(`(${smallReplay})(rooms)`, page) as string;
    expect(inPage).toBe(smallReplay({ trace, sessions, latency, replay: replayRoom }));
    const cachedTokens = (JSON.parse(inPage) as [number, number][]).map(([cached]) => cached);
    expect(cachedTokens).toEqual([0, 64, 96, 112]);
  });
});

import { describe, expect, it } from "vitest";
import { startServer, type TimedLoss } from "../../../lib/capture/index.js";
import { explainMisses, isLost } from "../../../lib/explain/index.js";
import { latencyProfile } from "../../../lib/latency/index.js";
import { workloadOf } from "../../../lib/sessions/index.js";
import { fakeUpstream } from "../fake-upstream.js";
import { afterTest, eventually, scratchFile } from "../scratch.js";
import { tapProcess } from "../tap-process.js";
import { post, tapBefore } from "../tap-rig.js";

const words = (name: string, count: number) =>
  `${name} lorem ipsum dolor sit amet `.repeat(Math.ceil(count / 20)).slice(0, count);

async function serve(kvCacheSize: number) {
  const server = await startServer({
    port: 0,
    latency: latencyProfile("h200-qwen3-8b"),
    timeScale: 20,
    engine: { kvCacheBlocks: kvCacheSize, blockSize: 16 },
  });
  afterTest(() => server.close(50));
  return server;
}

/** Conversations of a system prompt, one behind a clock, in turns; each asks for its next turn when it is answered. */
async function converse(url: string, sessions: number, turns: number, clock: (turn: number) => string) {
  const histories = Array.from({ length: sessions }, (_, s) => [words(`question ${s}`, 300)]);
  for (let turn = 0; turn < turns; turn++)
    for (let s = 0; s < sessions; s++) {
      const messages = [
        { role: "system", content: `${clock(turn)} ${words("rules", 600)}` },
        ...histories[s].map((content, i) => ({ role: i % 2 === 0 ? "user" : "assistant", content })),
      ];
      const body = {
        model: "m",
        messages,
        max_tokens: 8,
        stream: true,
        stream_options: { include_usage: true },
      };
      await post(`${url}/v1/chat/completions`, body, { "x-session-id": `s${s}` });
      histories[s].push(words(`answer ${s} ${turn}`, 40), words(`more ${s} ${turn}`, 200));
    }
}

describe("a tap that explains", () => {
  it.each([
    ["a clock in the system prompt", 4_000, (turn: number) => `it is 12:0${turn}`, "diverged"],
    ["a cache that is short of blocks", 160, () => "it is noon", "evicted"],
  ] as const)(
    "%s: what it tells meanwhile is what explain finds in its trace",
    async (_name, pool, clock, cause) => {
      const server = await serve(pool);
      const losses: TimedLoss[] = [];
      const { url, trace } = await tapBefore(server.url, { onLoss: (loss) => losses.push(loss) });
      await converse(url, 3, 4, clock);
      await eventually("a loss is told while the tap runs", () => losses.length > 0);
      const finished = await trace();
      const { requests } = explainMisses(workloadOf(finished));
      const rows = requests.flatMap(({ index, parts }) => {
        const lost = parts.filter((part) => isLost(part.cause)).map(({ from: _from, ...part }) => part);
        return lost.length > 0 ? [[finished.records[index].requestId, lost]] : [];
      });
      const live = losses.map(({ requestId, parts }) => [
        requestId,
        parts.map(({ from: _from, ...part }) => part),
      ]);
      const rounded = (value: unknown) =>
        JSON.parse(JSON.stringify(value, (key, v) => (key === "idleMs" ? Math.round(v as number) : v)));
      expect(new Map(rounded(live))).toEqual(new Map(rounded(rows)));
      expect(losses.flatMap(({ parts }) => parts).some((part) => part.cause === cause)).toBe(true);
    },
  );

  it("says once that answers do not tell cached tokens", async () => {
    const silent = await fakeUpstream({ hasTokenizer: true, cachedTokens: null as unknown as number });
    const problems: string[] = [];
    const { url, trace } = await tapBefore(silent.url, {
      onLoss: () => {},
      onProblem: (message) => problems.push(message),
    });
    for (let i = 0; i < 3; i++)
      await post(`${url}/v1/completions`, { model: "m", prompt: words("prompt", 100), stream: true });
    await trace();
    expect(problems.filter((problem) => problem.includes("does not tell cached tokens"))).toHaveLength(1);
  });

  it("on the command line: a line while it runs, a count at the end, and no text of any prompt", async () => {
    const server = await serve(4_000);
    const tap = await tapProcess(server.url, scratchFile("tap.jsonl"), ["--explain"]);
    await converse(tap.url, 2, 3, (turn) => `it is 12:0${turn}`);
    await eventually("a line", () => tap.said().includes("differ from turn"));
    expect(await tap.stop()).toBe(0);
    expect(tap.said()).toMatch(
      /\d\d:\d\d:\d\d session \w+ turn \d \(request [\w-]+\): [\d,]+ of [\d,]+ prompt tokens computed: [\d,]+ from token \d+ on differ from turn \d \(system, message 0\)/,
    );
    expect(tap.said()).toMatch(
      /tap: \d+ requests lost a prefix; tokens by cause: [\d,]+ diverged \(\d+ requests\)/,
    );
    for (const text of ["lorem", "rules", "question", "12:00"]) expect(tap.said()).not.toContain(text);
  });
});

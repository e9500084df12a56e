import { describe, expect, it } from "vitest";
import { serveOptions } from "../../lib/capture/serve/serve-options.js";
import { ServedFleet, sessionNumber } from "../../lib/capture/serve/served-fleet.js";
import { latencyProfile } from "../../lib/latency/index.js";
import { afterTest, eventually } from "./scratch.js";

function fleetOf(router: string): ServedFleet {
  const options = { port: 0, latency: latencyProfile("h200-qwen3-8b"), timeScale: 200, replicas: 2, router };
  const fleet = new ServedFleet(serveOptions(options));
  afterTest(() => fleet.stop());
  return fleet;
}

/** A prompt of one block of this content, and an answer of two tokens. */
function requestOf(content: number) {
  return { promptTokens: 20, outputTokens: 2, contentIds: Int32Array.of(content), session: content };
}

describe("engines behind one server", () => {
  it("hold what any of them holds", async () => {
    const fleet = fleetOf("round-robin");
    for (const content of [7, 9]) {
      const request = requestOf(content);
      const { engine } = fleet.send(request);
      let tokens = 0;
      engine.submit({ ...request, arrivedMs: engine.nowMs(), events: { token: () => tokens++ } });
      await eventually("the answer is out", () => tokens === 2);
    }
    expect([7, 8, 9].map((content) => fleet.holds(content))).toEqual([true, false, true]);
    const held = fleet.replicas.map(({ engine }) => [7, 9].map((id) => engine.core.cache.holds(id)));
    expect(held).toEqual([
      [true, false],
      [false, true],
    ]);
  });

  it("are chosen by what of each is not over yet", () => {
    const fleet = fleetOf("least-loaded");
    const engineOf = (sent: { readonly engine: unknown }) =>
      fleet.replicas.findIndex(({ engine }) => engine === sent.engine);
    const first = fleet.send(requestOf(1));
    const second = fleet.send(requestOf(2));
    expect([engineOf(first), engineOf(second)]).toEqual([0, 1]);
    second.ended();
    const third = fleet.send(requestOf(3));
    expect(engineOf(third)).toBe(1);
    first.ended();
    third.ended();
    expect(engineOf(fleet.send(requestOf(4)))).toBe(0);
  });

  it("know sessions by numbers that names of any length do not share", () => {
    const names = Array.from({ length: 1_000 }, (_, i) => `session-${i % 2 === 0 ? i : -i}`);
    const numbers = names.map(sessionNumber);
    expect(new Set(numbers).size).toBe(names.length);
    expect(numbers.every((number) => Number.isInteger(number) && number >= 0 && number < 2 ** 31)).toBe(true);
    expect(names.map(sessionNumber)).toEqual(numbers);
  });
});

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { stream } from "../../lib/base/index.js";
import type { EngineRequest } from "../../lib/engine/index.js";
import {
  ClientCounts,
  prefixAffinity,
  type RouterPolicy,
  Routing,
  routerPolicy,
  routers,
  runFleet,
  sticky,
} from "../../lib/fleet/index.js";
import { everyCost as model } from "../engine/linear-model.js";

const request = (firstId: number, blocks: number, session?: number): EngineRequest => ({
  promptTokens: 16 * blocks,
  outputTokens: 1,
  contentIds: Int32Array.from({ length: blocks }, (_, block) => firstId + block),
  ...(session !== undefined && { session }),
});

/** A router at work for a client of servers that tell nothing of themselves. */
function clientOf(policy: RouterPolicy, count: number) {
  const replicas = Array.from({ length: count }, (_, index) => new ClientCounts(index));
  const routing = new Routing(policy as never, {
    replicas,
    blockSizeTokens: 16,
    random: stream(1, "router"),
    listenToCaches: () => {
      throw new Error("not to be had");
    },
  });
  return { replicas, routing };
}

describe("routers that look at own counts only", () => {
  const names = Object.keys(routers).filter((name) => routerPolicy(name).sees === "own-counts");

  it.each(names)(
    "%s: work for a client that knows nothing of engines, and name open replicas only",
    (name) => {
      const { replicas, routing } = clientOf(routerPolicy(name), 4);
      const sent: [EngineRequest, number][] = [];
      for (let i = 0; i < 200; i++) {
        if (i === 50) routing.setOpen(2, false, i);
        if (i === 150) routing.setOpen(2, true, i);
        const one = request(1000 * (i % 7), 1 + (i % 5), i % 11);
        const replica = routing.route(one, i);
        if (i >= 50 && i < 150) expect(replica).not.toBe(2);
        sent.push([one, replica]);
        if (i % 3 !== 0) continue;
        const [first, at] = sent.shift()!;
        routing.firstToken(first, at, i);
        routing.ended(first, at, i);
      }
      expect(replicas.reduce((sum, { inFlight }) => sum + inFlight, 0)).toBe(sent.length);
      for (const [one, at] of sent) routing.ended(one, at, 200);
      for (const { inFlight, inFlightPromptTokens, pendingPromptTokens } of replicas)
        expect([inFlight, inFlightPromptTokens, pendingPromptTokens]).toEqual([0, 0, 0]);
    },
  );
});

describe("sticky", () => {
  it("keeps a session in one place until its time to live is over", () => {
    const { routing } = clientOf(sticky({ ttlS: 10 }), 3);
    const at = (session: number, nowMs: number) => routing.route(request(0, 1, session), nowMs);
    expect([at(7, 0), at(8, 0), at(7, 9000), at(7, 19_000)]).toEqual([0, 1, 0, 0]);
    // Forgotten: of the three, the third has nothing in flight.
    expect(at(7, 29_001)).toBe(2);
    expect(at(7, 30_000)).toBe(2);
  });

  it("finds in a fleet what one engine finds, where sessions share nothing", () => {
    const requests = Array.from({ length: 40 }, (_, i) => ({
      ...request(1000 * (i % 8), 2 + Math.floor(i / 8), i % 8),
      fireAtMs: 1000 * i,
    }));
    const found = (replicas: number) =>
      runFleet({ requests, model, replicas, router: "sticky" }).cachedTokens.reduce((sum, n) => sum + n, 0);
    expect(found(4)).toBe(found(1));
  });
});

/** The tree of SGLang's router, as a list of what was sent: the obvious way. */
class NaiveTree {
  readonly sent: { readonly chain: number[]; readonly replica: number }[] = [];

  match(chain: readonly number[]): { blocks: number; replica: number } | undefined {
    for (let blocks = chain.length; blocks > 0; blocks--) {
      const found = this.sent.find((one) => chain.slice(0, blocks).every((id, k) => one.chain[k] === id));
      if (found) return { blocks, replica: found.replica };
    }
    return undefined;
  }
}

describe("prefix affinity", () => {
  it("does what a list of all that was sent tells it to", () => {
    fc.assert(
      fc.property(
        fc.array(fc.record({ path: fc.array(fc.nat(2), { minLength: 1, maxLength: 5 }), ends: fc.nat(3) }), {
          minLength: 1,
          maxLength: 60,
        }),
        fc.constantFrom(0, 0.3, 0.6),
        fc.constantFrom(0, 2, 64),
        (turns, cacheThreshold, balanceAbsThreshold) => {
          const idOf = new Map<string, number>();
          const id = (path: number[]) => {
            const key = path.join();
            if (!idOf.has(key)) idOf.set(key, idOf.size);
            return idOf.get(key)!;
          };
          const { routing } = clientOf(prefixAffinity({ cacheThreshold, balanceAbsThreshold }), 3);
          const tree = new NaiveTree();
          const open: [EngineRequest, number][] = [];
          const load = () => [0, 1, 2].map((replica) => open.filter(([, at]) => at === replica).length);
          turns.forEach(({ path, ends }, i) => {
            const chain = path.map((_, k) => id(path.slice(0, k + 1)));
            const one = {
              promptTokens: 16 * chain.length + 5,
              outputTokens: 1,
              contentIds: Int32Array.from(chain),
            };
            const loads = load();
            const [most, least] = [Math.max(...loads), Math.min(...loads)];
            const isImbalanced = most - least > balanceAbsThreshold && most > 1.5 * least;
            const match = tree.match(chain);
            const expected =
              !isImbalanced && match && (16 * match.blocks) / one.promptTokens > cacheThreshold
                ? match.replica
                : loads.indexOf(least);
            const replica = routing.route(one, i);
            expect(replica).toBe(expected);
            tree.sent.push({ chain, replica });
            open.push([one, replica]);
            for (let k = 0; k < ends && open.length > 0; k++) {
              const [ended, at] = open.shift()!;
              routing.ended(ended, at, i);
            }
          });
        },
      ),
      { numRuns: 300 },
    );
  });

  it("forgets what was sent longest ago where the tree is too large", () => {
    const { routing } = clientOf(prefixAffinity({ maxTreeTokens: 16 * 6, evictionIntervalS: 1 }), 2);
    const send = (firstId: number, nowMs: number) => routing.route(request(firstId, 4), nowMs);
    // Six blocks are kept: all of the second, and half of the first, which is more than a third of it.
    expect([send(0, 0), send(100, 0), send(0, 1), send(200, 1), send(0, 2)]).toEqual([0, 1, 0, 1, 0]);
    expect(send(300, 3)).toBe(1);
    expect([send(300, 1500), send(200, 1501), send(100, 1502)]).toEqual([1, 1, 0]);
  });
});

describe("a router's options", () => {
  it("stand behind its name, and are told back where they are not as usual", () => {
    const named = (text: string) => routerPolicy(text).name;
    expect(named("sticky")).toBe("sticky");
    expect(named("sticky:ttl=300")).toBe("sticky:ttl=300");
    expect(named("sticky:assign=random:ttl=14400")).toBe("sticky:assign=random");
    expect(routerPolicy("sticky:ttl=300").name).toBe(sticky({ ttlS: 300 }).name);
  });

  it("are refused where there is none of the name, or the value does not fit", () => {
    expect(() => routerPolicy("sticky:tll=3")).toThrow(
      'router "sticky": no option "tll": it has ttl, assign',
    );
    expect(() => routerPolicy("random:seed=3")).toThrow('router "random": no option "seed": it has none');
    expect(() => routerPolicy("sticky:ttl")).toThrow(/ttl must be a finite number >= 0, got ""/);
    expect(() => routerPolicy("sticky:ttl=soon")).toThrow(/ttl must be a finite number >= 0, got "soon"/);
    expect(() => routerPolicy("sticky:assign=best")).toThrow(
      'router "sticky": assign must be one of min-load, random, got "best"',
    );
    expect(() => routerPolicy("precise-prefix:loss=1.5")).toThrow(/loss must be .* 0 .* 1, got 1.5/);
    expect(() => routerPolicy("prefix-hash:tokens=1.5")).toThrow(
      /tokens must be a positive integer, got 1.5/,
    );
    expect(() => sticky({ ttl: 3 } as never)).toThrow('router "sticky": no option "ttl"');
  });

  it("are all told of: a shipped router's usual options are themselves allowed", () => {
    for (const [name, { says, options = {}, make }] of Object.entries(routers)) {
      expect(says.length).toBeGreaterThan(2);
      const usual = Object.fromEntries(Object.entries(options).map(([option, row]) => [option, row.usual]));
      expect(make(usual as Record<string, never>).name).toBe(name);
    }
  });
});

describe("a function", () => {
  it("is a router", () => {
    const requests = [0, 1, 2].map((i) => ({ ...request(100 * i, 3), fireAtMs: i }));
    const run = runFleet({ requests, model, replicas: 3, router: ({ contentIds }) => contentIds[0]! / 100 });
    expect([...run.replica]).toEqual([0, 1, 2]);
  });

  it("that names a replica that is not there is told so", () => {
    const requests = [{ ...request(0, 1), fireAtMs: 0 }];
    const run = (router: () => unknown) => () =>
      runFleet({ requests, model, replicas: 2, router: router as () => number });
    expect(run(() => 2)).toThrow("route() returned 2, expected a replica from 0 to 1");
    expect(run(() => undefined)).toThrow(/route\(\) returned undefined, expected a replica from 0 to 1/);
    expect(run(() => 0.5)).toThrow(/route\(\) returned 0.5/);
  });
});

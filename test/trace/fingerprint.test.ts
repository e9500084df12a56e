import { readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  type BlockHashes,
  Fingerprinter,
  fingerprintTokens,
  internHashes,
} from "../../lib/trace/files/index.js";
import { BlockTable } from "../../lib/trace/index.js";

interface Reference {
  key: number[];
  cases: { tokens: number[]; blockSize: number; fnv1a: string[]; hmac: string[] }[];
}

const reference = JSON.parse(
  readFileSync(new URL("../reference/fingerprints.json", import.meta.url), "utf8"),
) as Reference;

function texts({ highs, lows }: BlockHashes): string[] {
  return [...highs].map((high, i) => ((BigInt(high) << 32n) | BigInt(lows[i]!)).toString());
}

const tokens = fc.array(fc.integer({ min: 0, max: 2 ** 32 - 1 }), { maxLength: 200 });

describe("fingerprints of blocks", () => {
  it("agree with test/reference/fingerprints.py, without and with a key", () => {
    const key = Uint8Array.from(reference.key);
    for (const { tokens, blockSize, fnv1a, hmac } of reference.cases) {
      expect(texts(fingerprintTokens(tokens, { blockSize }))).toEqual(fnv1a);
      expect(texts(fingerprintTokens(Uint32Array.from(tokens), { blockSize, key }))).toEqual(hmac);
    }
  });

  it("cover the full blocks only, and depend on everything before them", () => {
    fc.assert(
      fc.property(tokens, fc.integer({ min: 1, max: 20 }), fc.nat(), (ids, blockSize, place) => {
        const before = texts(fingerprintTokens(ids, { blockSize }));
        expect(before).toHaveLength(Math.floor(ids.length / blockSize));
        if (ids.length === 0) return;
        const changed = [...ids];
        const at = place % ids.length;
        changed[at] = (changed[at]! + 1) % 2 ** 32;
        const after = texts(fingerprintTokens(changed, { blockSize }));
        for (let b = 0; b < before.length; b++)
          expect(before[b] === after[b]).toBe(b < Math.floor(at / blockSize));
      }),
    );
  });

  it("are the same however the tokens come in: prompt, then answer", () => {
    fc.assert(
      fc.property(tokens, fc.array(fc.nat(60), { maxLength: 6 }), fc.boolean(), (ids, cuts, withKey) => {
        const options = withKey ? { key: Uint8Array.of(1, 2, 3) } : {};
        const printer = new Fingerprinter(options);
        const pieces: string[] = [];
        let from = 0;
        for (const length of [...cuts, ids.length]) {
          pieces.push(...texts(printer.append(ids.slice(from, from + length))));
          from += length;
        }
        expect(pieces).toEqual(texts(fingerprintTokens(ids, options)));
      }),
    );
  });

  it("become the block ids of a table", () => {
    const blocks = new BlockTable();
    const first = internHashes(fingerprintTokens(new Uint32Array(64)), blocks);
    const again = internHashes(fingerprintTokens(new Uint32Array(80)), blocks);
    expect([...first]).toEqual([0, 1, 2, 3]);
    expect([...again]).toEqual([0, 1, 2, 3, 4]);
    expect(blocks.text(0)).toBe(texts(fingerprintTokens(new Uint32Array(16)))[0]);
  });

  it("refuse what is no token, no block size, no key", () => {
    for (const bad of [-1, 1.5, 2 ** 32, Number.NaN])
      expect(() => fingerprintTokens([bad])).toThrow(
        `Fingerprinter: token ids must be integers from 0 to 4294967295, got ${bad}`,
      );
    expect(() => new Fingerprinter({ blockSize: 0 })).toThrow("blockSize must be a positive integer, got 0");
    expect(() => new Fingerprinter({ key: new Uint8Array(0) })).toThrow("key must not be empty");
  });
});

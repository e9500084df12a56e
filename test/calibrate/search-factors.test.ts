import { describe, expect, it } from "vitest";
import { searchFactors } from "../../lib/calibrate/search-factors.js";

/** An error that is least at these factors, and grows with the distance in logarithms. */
const leastAt = (prefill: number, decode: number) => (factors: { prefill: number; decode: number }) =>
  Math.abs(Math.log(factors.prefill / prefill)) + Math.abs(Math.log(factors.decode / decode));

describe("searchFactors", () => {
  it.each([
    [1, 1],
    [1.3, 0.8],
    [0.2, 5],
    [4, 0.5],
  ])("finds factors of %s on prefills and %s on decodes within 3 %%", (prefill, decode) => {
    const found = searchFactors(leastAt(prefill, decode))!;
    expect(Math.abs(found.factors.prefill / prefill - 1)).toBeLessThan(0.03);
    expect(Math.abs(found.factors.decode / decode - 1)).toBeLessThan(0.03);
    expect(found.error).toBe(leastAt(prefill, decode)(found.factors));
  });

  it("never does worse than no factors, and has nothing to find where there is no error", () => {
    const rough = ({ prefill, decode }: { prefill: number; decode: number }) =>
      Math.abs(Math.sin(7 * prefill)) + decode;
    expect(searchFactors(rough)!.error).toBeLessThanOrEqual(rough({ prefill: 1, decode: 1 }));
    expect(searchFactors(() => undefined)).toBeUndefined();
  });
});

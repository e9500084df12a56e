import { describe, expect, it } from "vitest";
import { MemoryGate } from "../../../lib/capture/tap/memory-gate.js";

const MIB = 2 ** 20;
const turn = () => new Promise((resolve) => setImmediate(resolve));

describe("the memory gate", () => {
  it("lets large work in one after another, in order, and small work at any time", async () => {
    const gate = new MemoryGate(10 * MIB);
    const entered: string[] = [];
    const enter = (name: string, bytes: number) => gate.enter(bytes).then(() => entered.push(name));
    void enter("a", 8 * MIB);
    void enter("b", 8 * MIB);
    void enter("c", 2 * MIB);
    void enter("small", 1000);
    await turn();
    expect(entered).toEqual(["a", "small"]);
    gate.leave(8 * MIB);
    await turn();
    expect(entered).toEqual(["a", "small", "b"]);
    gate.leave(8 * MIB);
    await turn();
    expect(entered).toEqual(["a", "small", "b", "c"]);
  });

  it("lets what is larger than itself pass alone, and makes room as soon as a part of it is given back", async () => {
    const gate = new MemoryGate(10 * MIB);
    await gate.enter(50 * MIB);
    let isIn = false;
    void gate.enter(5 * MIB).then(() => {
      isIn = true;
    });
    gate.leave(30 * MIB);
    await turn();
    expect(isIn).toBe(false);
    gate.leave(16 * MIB);
    await turn();
    expect(isIn).toBe(true);
  });
});

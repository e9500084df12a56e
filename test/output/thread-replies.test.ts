import { setTimeout as sleep } from "node:timers/promises";
import { Worker } from "node:worker_threads";
import { describe, expect, it } from "vitest";
import { InputError, WorkError } from "../../lib/base/index.js";
import { threadReplies } from "../../lib/output/index.js";

/** Threads that each post their message, and end as they are told to. */
const threads = (...codes: string[]) =>
  codes.map(
    (code) => new Worker(`const { parentPort } = require("node:worker_threads"); ${code}`, { eval: true }),
  );
const post = (message: object) => `parentPort.postMessage(${JSON.stringify(message)});`;

describe("replies of threads", () => {
  it("are all taken, and what was begun with them is done, before it ends", async () => {
    const done: number[] = [];
    await threadReplies("a thread", threads(post({ n: 1 }), post({ n: 2 })), async ({ n }: { n: number }) => {
      await sleep(50);
      done.push(n);
    });
    expect(done.sort()).toEqual([1, 2]);
  });

  it("are an InputError where a thread refuses, a WorkError where it ends too early, and its own error where it throws", async () => {
    const replies = (code: string) => threadReplies("a thread", threads(code), () => undefined);
    const refused = replies(post({ refusal: "pools must have blocks" }));
    await expect(refused).rejects.toThrow(new InputError("pools must have blocks"));
    await expect(refused).rejects.toBeInstanceOf(InputError);
    const ended = replies("process.exit(3)");
    await expect(ended).rejects.toThrow("a thread ended with exit code 3");
    await expect(ended).rejects.toBeInstanceOf(WorkError);
    await expect(replies('throw new RangeError("out of range")')).rejects.toThrow("out of range");
  });

  it("fail with what they are for", async () => {
    const full = async () => {
      throw new WorkError("the disk is full");
    };
    await expect(threadReplies("a thread", threads(post({ n: 1 })), full)).rejects.toThrow(
      "the disk is full",
    );
  });
});

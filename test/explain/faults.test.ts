import { describe, expect, it } from "vitest";
import { divergencePatterns, explainMisses } from "../../lib/explain/index.js";
import { blockSize, converse, type Fault, type Message, system, text, tools } from "./conversations.js";

interface Dress {
  readonly name: string;
  readonly fault: Fault;
  /** The same conversations without what the fault changes from request to request. */
  readonly twin?: Fault;
  readonly cause: string;
  /** Of the divergences: that of most tokens, and what else it may be called. */
  readonly kind?: string;
  readonly alsoKinds?: readonly string[];
  readonly role?: string;
}

const minute = (n: number) => String(10 + n);
const clockAt = (at: number, n: number) => `${system.slice(0, at)} 12:${minute(n)}:00 ${system.slice(at)}`;
const idIn = (place: number, n: number) =>
  tools.map((tool, i) => (i === place ? `call ${1000 + n} ${tool}` : tool));
const summary = (messages: readonly Message[]): Message => ({
  role: "user",
  text: `So far: ${text(messages.map((message) => message.text).join(), 200)}`,
});

const dresses: readonly Dress[] = [
  {
    name: "a clock early in the system prompt",
    fault: { system: (n) => clockAt(20, n) },
    twin: { system: () => clockAt(20, 0) },
    cause: "diverged",
    kind: "head_changed",
    role: "system",
  },
  {
    name: "a clock at the end of the system prompt",
    fault: { system: (n) => clockAt(1_490, n) },
    twin: { system: () => clockAt(1_490, 0) },
    cause: "diverged",
    kind: "head_changed",
    role: "system",
  },
  {
    name: "two ids, one in the system prompt and one in a tool",
    fault: { system: (n) => clockAt(300, n), tools: (n) => idIn(3, n) },
    twin: { system: () => clockAt(300, 0), tools: () => idIn(3, 0) },
    cause: "diverged",
    kind: "head_changed",
    role: "system",
  },
  {
    name: "an id in the last tool",
    fault: { tools: (n) => idIn(4, n) },
    twin: { tools: () => idIn(4, 0) },
    cause: "diverged",
    kind: "head_changed",
    role: "tools",
  },
  {
    name: "the last tools in another order every third request",
    fault: { tools: (n) => (n % 3 === 2 ? [...tools.slice(0, 3), tools[4], tools[3]] : tools) },
    cause: "diverged",
    kind: "tools_reordered",
    role: "tools",
  },
  {
    name: "a history that is summed up",
    fault: {
      history: (messages, turn) => (turn < 4 ? messages : [summary(messages), ...messages.slice(-2)]),
    },
    cause: "diverged",
    kind: "history_compacted",
  },
  {
    name: "a summary with as many messages as the turn before",
    fault: {
      history: (messages, turn) =>
        turn < 4 ? messages : [summary(messages.slice(0, 3)), ...messages.slice(3)],
    },
    cause: "diverged",
    kind: "history_compacted",
  },
  {
    name: "a window over the last messages",
    fault: { history: (messages) => messages.slice(-5) },
    cause: "diverged",
    kind: "history_compacted",
  },
  {
    name: "an earlier message that is edited",
    fault: {
      history: (messages, turn) =>
        messages.map((message, i) =>
          i === 0 && turn > 1 ? { ...message, text: `[${turn}] ${message.text}` } : message,
        ),
    },
    cause: "diverged",
    kind: "history_changed",
    role: "user",
  },
  {
    name: "answers without their reasoning",
    fault: {
      history: (messages) =>
        messages.map((message) =>
          message.role === "assistant" ? { ...message, text: message.text.slice(20) } : message,
        ),
    },
    cause: "diverged",
    kind: "answer_changed",
  },
  {
    name: "another template from the middle of the trace on",
    fault: { bracket: (n) => (n < 20 ? "<>" : "[]") },
    cause: "diverged",
    // The first to use it changes the system prompt for all; the others find that, and differ behind it.
    kind: "head_changed",
    alsoKinds: ["history_changed"],
  },
  {
    name: "an adapter from the third turn on",
    fault: { apart: (_session, turn) => ({ adapter: turn < 3 ? "a" : "b" }) },
    twin: { apart: () => ({ adapter: "a" }) },
    cause: "diverged",
    kind: "cache_salt",
  },
  {
    name: "another model for every second turn",
    fault: { apart: (_session, turn) => ({ model: turn % 2 === 0 ? "a" : "b" }) },
    twin: { apart: () => ({ model: "a" }) },
    cause: "diverged",
    kind: "cache_salt",
  },
  {
    name: "a cache salt a user",
    fault: { apart: (session) => ({ cache_salt_hash: `user ${session % 4}` }) },
    twin: { apart: () => ({ cache_salt_hash: "all" }) },
    cause: "diverged",
    kind: "cache_salt",
  },
  { name: "a restart", fault: { restartBefore: 3 }, cause: "reset" },
  { name: "prefix caching off", fault: { isOff: true }, cause: "off" },
  { name: "a pool that is too small", fault: { poolBlocks: 300 }, cause: "evicted" },
  { name: "a pool that holds one conversation", fault: { poolBlocks: 200 }, cause: "evicted" },
  {
    name: "a restart of a small pool",
    fault: { restartBefore: 3, poolBlocks: 380 },
    twin: { poolBlocks: 380 },
    cause: "reset",
  },
];

describe("a fault in another dress", () => {
  it.each(dresses.map((dress) => [dress.name, dress] as const))(
    "%s: of 100 tokens that it costs at least 99 have its cause, and the pattern is named",
    (_name, { fault, twin = {}, cause, kind, alsoKinds = [], role }) => {
      const kinds = [kind, ...alsoKinds];
      const faulty = converse(fault);
      const whole = converse(twin).trace.records;
      const explained = explainMisses(faulty);
      let lost = 0;
      let planted = 0;
      for (const { index, parts, promptTokens } of explained.requests) {
        const { cachedTokens = 0, promptTokens: twinTokens } = whole[index];
        const found = cachedTokens - Math.max(0, twinTokens - promptTokens);
        for (const part of parts) {
          const tokens = Math.max(0, Math.min(found, part.fromToken + part.tokens) - part.fromToken);
          lost += tokens;
          if (part.cause === cause && kinds.includes(part.divergence?.kind)) planted += tokens;
        }
      }
      expect(lost).toBeGreaterThan(400);
      expect(planted / lost).toBeGreaterThanOrEqual(0.99);
      expect(explained.causes.unexplained.tokens).toBe(0);
      const [pattern] = divergencePatterns(explained);
      expect(pattern?.kind).toBe(kind);
      if (role !== undefined) expect(pattern.role).toBe(role);
    },
  );

  it("counts a prompt shorter than a block as a block's tail, and blames nothing for a retry", () => {
    const { trace, sessions } = converse();
    const [first, second] = trace.records;
    const short = { ...first, promptTokens: 12, cachedTokens: 0, blockIds: new Int32Array(0), messages: [] };
    // Sent again a moment after it was given up, and found but for the block of its last token.
    const { ttftMs: _ttft, cachedTokens: _cached, itlSummary: _itl, ...given } = second;
    const gaveUp = { ...given, outputTokens: 0, finishReason: "timeout" as const, elapsedMs: 50 };
    const lookedUp = blockSize * Math.floor((second.promptTokens - 1) / blockSize);
    const retry = { ...second, arrivalMs: (second.arrivalMs as number) + 60, cachedTokens: lookedUp };
    const records = [first, { ...short, arrivalMs: 500 }, gaveUp, retry];
    const explained = explainMisses({
      trace: { ...trace, records },
      sessions: { ...sessions, parent: Int32Array.of(-1, -1, -1, -1), session: Int32Array.of(0, 1, 2, 3) },
    });
    expect(explained.untold).toBe(1);
    expect(explained.requests.slice(1).map(({ parts }) => parts.map((part) => part.cause))).toEqual([
      ["block_tail"],
      ["block_tail"],
    ]);
  });

  it("finds nothing to blame where there is no fault", () => {
    const { causes } = explainMisses(converse());
    const blamed = Object.entries(causes).filter(([, { tokens }]) => tokens > 0);
    expect(blamed.map(([cause]) => cause)).toEqual(["first_use", "block_tail"]);
  });
});

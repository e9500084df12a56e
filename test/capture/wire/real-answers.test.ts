import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { AnswerLog, answerEnding, weighCounts } from "../../../lib/capture/wire/index.js";

/** An answer as a server sent it: the bodies of its HTTP chunks, to one prompt of 197 characters (248 for llama.cpp's template). */
interface RealAnswer {
  readonly server: string;
  readonly answer: string;
  readonly asked_tokens: number;
  readonly parts: readonly string[];
}

const file = fileURLToPath(new URL("./real-answers.jsonl", import.meta.url));
const answers = readFileSync(file, "utf8")
  .trim()
  .split("\n")
  .map((line) => JSON.parse(line) as RealAnswer);

/** SGLang's own count of a response leaves out what ends it. */
const asked = ({ server, answer, asked_tokens }: RealAnswer) =>
  server.startsWith("SGLang") && answer.startsWith("responses")
    ? asked_tokens - 2
    : server.startsWith("LiteLLM") && answer.startsWith("responses")
      ? 16
      : asked_tokens;

describe("answers of vLLM, llama.cpp, SGLang, Ollama and LiteLLM", () => {
  it.each(answers.map((answer) => [`${answer.server}: ${answer.answer}`, answer] as const))(
    "%s",
    (_name, real) => {
      const log = new AnswerLog();
      for (const [i, part] of real.parts.entries()) log.push(Buffer.from(part), 10 * i);
      log.end(10 * real.parts.length);
      expect([log.errorMessage, log.unknownEvents, log.isDone]).toEqual([undefined, 0, true]);
      expect(log.isStreamed).toBe(real.answer.includes("stream"));
      const ending = answerEnding(log, log.first?.finishReason, "complete", 200);
      expect(["length", "max_tokens", "stop"]).toContain(ending);
      const counts = weighCounts({
        usage: log.usage,
        prompt: { kind: "expected", tokens: 1 },
        answer: { choice: log.first, elapsedMs: 1_000, mostTokens: real.asked_tokens },
        blockTokens: 32,
      });
      // Ollama serves without usage what it answers in its own API's first form; SGLang's copy of that form has none.
      if (log.usage) {
        expect(counts.outputTokens).toBe(asked(real));
        expect(counts.promptTokens).toBeGreaterThan(80);
        expect(counts.cachedTokens ?? 0).toBeLessThan(counts.promptTokens);
      }
      if (log.isStreamed) {
        expect(log.first?.chunkAtMs.length).toBeGreaterThan(1);
        // What opens a stream is no token; llama.cpp and Ollama send it with the first one.
        if (/^(vLLM|SGLang|LiteLLM)/.test(real.server) && !/^(api|completions)/.test(real.answer))
          expect(log.first?.chunkAtMs[0]).toBeGreaterThan(0);
      }
    },
  );
});

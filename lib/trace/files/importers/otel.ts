import { InputError } from "../../../base/index.js";
import type { Importer } from "./importer.js";
import { readJsonItems } from "./json-rows.js";
import { addLoggedCalls, type LoggedCall } from "./logged-calls.js";
import { spanCall } from "./otel-call.js";
import { outputEdges } from "./otel-edges.js";
import { OtelDocument } from "./otel-spans.js";
import { TraceBuilder } from "./trace-builder.js";

/**
 * OpenTelemetry spans of model calls (semantic conventions gen_ai): OTLP JSON (one document, or one a line as a collector
 * writes it), and the layout of kubernetes-sigs/inference-perf (`spans[]` with flat `attributes`). Operations `chat`,
 * `text_completion` and `generate_content` are calls; others are left out and counted.
 *
 * - Times: start and end of the span; `gen_ai.response.time_to_first_chunk` (s) is TTFT. See `otel-spans.ts` for the two
 *   layouts, `otel-call.ts` for attributes, in their attribute and event forms.
 * - `gen_ai.conversation.id` (or another attribute that ends in `session.id`), or else the trace, is the session. Who waited
 *   for whom is not in the spans: a call follows the earlier, finished calls of its session whose whole answer stands in its
 *   prompt, see `otel-edges.ts`.
 */
export const otel: Importer = {
  format: "otel",
  description:
    "OpenTelemetry gen_ai spans (OTLP JSON, inference-perf): times, counts, prompts hashed on the way",
  async read(path, options) {
    const blockSize = options.blockSize ?? 16;
    const builder = new TraceBuilder(path, options, blockSize);
    const document = new OtelDocument();
    await readJsonItems(path, builder, options, (row) => document.add(row));
    if (document.spans.length === 0) throw new InputError(`${path}: holds no spans`);
    const calls: LoggedCall[] = [];
    for (const [at, span] of document.spans.entries())
      builder.row(at + 1, () => {
        const call = spanCall(span, at + 1, builder);
        if (call) calls.push(call);
        return undefined;
      });
    const tokenizer = addLoggedCalls(builder, outputEdges(calls), options, blockSize);
    return builder.finish({
      source: "otel",
      ...(tokenizer !== undefined && { blockSize }),
      extra: { ...(tokenizer !== undefined && { tokenizer }) },
    });
  },
};

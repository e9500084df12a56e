import { isJsonObject, type JsonObject } from "../../../base/index.js";
import { RowError } from "../../row-error.js";
import type { Importer } from "./importer.js";
import { readJsonItems } from "./json-rows.js";
import { fieldOf, objectAt, optionalList } from "./row-fields.js";
import { messageParts, messageText } from "./text-prompt.js";
import { TextTokens } from "./text-tokens.js";
import { TraceBuilder } from "./trace-builder.js";

/**
 * Whole conversations, as benchmarks of agents keep them: JSON lines, a list, or one document. A conversation is `traj`
 * (tau-bench), `messages`, `history` (SWE-agent), or `conversations` (ShareGPT: `from`, `value`): messages of OpenAI's shape. Each
 * message of the assistant was a request whose prompt is all messages before it, with `tools` and `system` of the
 * conversation before them. SWE-agent's `trajectory[].query` is the prompt itself, where it is kept.
 *
 * The session is `task_id` and `trial`, or `id`, `session_id`, `instance_id`, `conversation_id`, or the place in the file. Text is turned
 * into tokens and hashed on the way, see `text-tokens.ts`. No times: the order of the file stands for that of arrival.
 */
export const conversations: Importer = {
  format: "conversations",
  description: "Conversations of tau-bench, SWE-agent and the like: each answer a request, hashed on the way",
  async read(path, options) {
    const blockSize = options.blockSize ?? 16;
    const builder = new TraceBuilder(path, options, blockSize);
    const texts = new TextTokens(builder, options, blockSize);
    await readJsonItems(path, builder, options, (row, line) => {
      const session = nameOf(row, line);
      let steps: readonly Step[] = [];
      builder.row(line, () => {
        const found = stepsOf(row);
        steps = found.filter(({ prompt }) => prompt.length > 0);
        if (found.length === 0) builder.count("conversation without an answer: no request", line);
        for (let at = steps.length; at < found.length; at++)
          builder.count("answer with no message before it: no request", line);
        return undefined;
      });
      steps.forEach(({ prompt, answer }, at) => {
        builder.row(line, () => {
          const head = { tools: row.tools, system: row.system ?? row.system_prompt };
          const said = messageText(objectAt(answer, "an answer"));
          const { answerTokens, ...text } = texts.of(messageParts(prompt, head), said);
          return {
            ...text,
            outputTokens: answerTokens ?? 0,
            requestId: `${session}/${at + 1}`,
            session,
            turn: at + 1,
            parents: at === 0 ? [] : [{ requestId: `${session}/${at}`, kind: "turn" }],
          };
        });
      });
    });
    if (texts.said !== undefined) builder.assume(texts.said);
    return builder.finish({ source: "conversations", blockSize, extra: { tokenizer: texts.tokenizer } });
  },
};

/** One answer, and the messages that it was asked with: none where an answer stands first. */
interface Step {
  readonly prompt: readonly unknown[];
  readonly answer: unknown;
}

function stepsOf(row: JsonObject): Step[] {
  const queries = (Array.isArray(row.trajectory) ? (row.trajectory as unknown[]) : [])
    .filter(isJsonObject)
    .filter(({ query }) => Array.isArray(query) && query.length > 0);
  if (queries.length > 0)
    return queries.map(({ query, response }) => ({
      prompt: query as unknown[],
      answer: { role: "assistant", content: response ?? "" },
    }));
  const given = optionalList(
    row,
    fieldOf(row, ["traj", "messages", "history", "conversations", "trajectory"]),
  );
  if (!given) throw new RowError("neither traj, messages, history nor conversations: not a conversation");
  const messages = given.map((message) => (isJsonObject(message) ? openaiShape(message) : message));
  return messages.flatMap((message, at) =>
    isJsonObject(message) && message.role === "assistant"
      ? [{ prompt: messages.slice(0, at), answer: message }]
      : [],
  );
}

const shareGptRoles: Readonly<Record<string, string>> = { human: "user", gpt: "assistant", bot: "assistant" };

function openaiShape(message: JsonObject): JsonObject {
  if (message.role === "ai" || message.role === "model") return { ...message, role: "assistant" };
  if (message.role !== undefined || typeof message.from !== "string") return message;
  const { from, value, ...rest } = message;
  return { ...rest, role: shareGptRoles[from] ?? from, content: value };
}

function nameOf(row: JsonObject, line: number): string {
  const field = ["task_id", "session_id", "conversation_id", "instance_id", "id"].find((name) =>
    ["string", "number"].includes(typeof row[name]),
  );
  if (field === undefined) return `conversation ${line}`;
  return row.trial === undefined ? String(row[field]) : `${String(row[field])}/${String(row.trial)}`;
}

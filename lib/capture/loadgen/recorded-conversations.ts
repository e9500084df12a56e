import { InputError } from "../../base/index.js";
import type { LoadgenOptions } from "./loadgen-options.js";
import { type RecordedConversation, readConversations } from "./read-conversations.js";
import { callsTools, requireSendable } from "./recorded-session.js";

/** The conversations that a run sends again, and what a user should know of them. */
export interface RecordedConversations {
  readonly conversations: readonly RecordedConversation[];
  readonly notes: readonly string[];
}

/**
 * Reads the conversations that the options name, and leaves out those that their endpoint cannot take.
 * @throws InputError when the file cannot be read, or nothing of it can be sent
 */
export async function recordedConversations(options: LoadgenOptions): Promise<RecordedConversations> {
  const { conversationsFile, endpoint, answers } = options;
  if (conversationsFile === undefined) return { conversations: [], notes: [] };
  const { conversations: read, rejected } = await readConversations(conversationsFile);
  const notes: string[] = [];
  if (rejected.length > 0)
    notes.push(
      `${rejected.length} conversations of the file are not sent, the first in line ${rejected[0].line}: ${rejected[0].reason}`,
    );
  const conversations: RecordedConversation[] = [];
  let why = "";
  for (const conversation of read) {
    try {
      requireSendable(conversation, endpoint);
      conversations.push(conversation);
    } catch (error) {
      if (!(error instanceof InputError)) throw error;
      why = error.message;
    }
  }
  const left = read.length - conversations.length;
  if (conversations.length === 0)
    throw new InputError(`runLoadgen: none of ${read.length} conversations can be sent: ${why}`);
  if (left > 0) notes.push(`${left} of ${read.length} conversations are not sent: ${why}`);
  const turns = conversations.flatMap((each) => each.turns.slice(0, -1));
  const without = turns.filter(({ answer }) => answer === undefined).length;
  if (answers === "recorded" && without > 0)
    notes.push(`${without} turns have no recorded answer: the next turn goes on from the server's own`);
  const calls = turns.filter(({ answer }) => answer !== undefined && callsTools(answer)).length;
  if (answers === "real" && calls > 0)
    notes.push(
      `${calls} answers that call tools stay as they were recorded: the results of those calls follow them`,
    );
  if (endpoint === "completions")
    notes.push("conversations go to endpoint completions as one text in the style of ChatML");
  return { conversations, notes };
}

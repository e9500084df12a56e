import type { ChatPrompt } from "../wire/index.js";

/** A tokenizer given as a file, for servers that have none to ask. */
export interface FileTokenizer {
  /** It has a chat template, so that it can tell the ids of chats. */
  readonly hasTemplate: boolean;
  text(text: string): Uint32Array | undefined;
  /** Undefined where the template refuses the chat. */
  chat(chat: ChatPrompt): Uint32Array | undefined;
}

/** @throws InputError when the file cannot be read as a tokenizer */
export function openFileTokenizer(_path: string): Promise<FileTokenizer> {
  return Promise.reject(new Error("not yet"));
}

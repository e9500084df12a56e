/** A prompt as it goes over the wire. */
export type Prompt =
  /** Token ids, already written as JSON numbers separated by commas: a long shared prefix is written only once. */
  | { readonly kind: "ids"; readonly json: string }
  | { readonly kind: "text"; readonly text: string }
  | { readonly kind: "messages"; readonly messages: readonly ChatMessage[] };

/** One message of a chat. */
export interface ChatMessage {
  readonly role: "system" | "user" | "assistant";
  readonly content: string;
}

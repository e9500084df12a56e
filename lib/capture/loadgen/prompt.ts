import type { ChatMessage } from "../wire/index.js";

export type { ChatMessage } from "../wire/index.js";

/** A prompt as it goes over the wire. */
export type Prompt =
  /** Token ids, already written as JSON numbers separated by commas: a long shared prefix is written only once. */
  | { readonly kind: "ids"; readonly json: string }
  | { readonly kind: "text"; readonly text: string }
  | {
      readonly kind: "messages";
      readonly messages: readonly ChatMessage[];
      /** The tools that a recorded chat may call, as its API has them. */
      readonly tools?: readonly unknown[];
    };

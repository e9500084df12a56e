import type { JsonObject } from "../../base/index.js";
import type { ChatPrompt } from "./chat-prompt.js";

/** One prompt of a request, as the client sent it. */
export type PromptSource =
  | { readonly kind: "ids"; readonly ids: Uint32Array }
  | {
      readonly kind: "text";
      readonly text: string;
      /** Fields of the body that decide how it is tokenized. */
      readonly tokenizeFields: JsonObject;
    }
  | { readonly kind: "chat"; readonly chat: ChatPrompt }
  /** A part of it is held by the server alone; why, in a few words. */
  | { readonly kind: "unknown"; readonly reason: string };

import type { Tokens } from "../base/index.js";
import type { EngineRequest } from "../engine/index.js";
import type { ClientView } from "./router.js";

/** A client's own counts of what it has at one replica, kept as it sends and receives. */
export class ClientCounts implements ClientView {
  isOpen = true;
  inFlight = 0;
  inFlightPromptTokens: Tokens = 0;
  pendingPromptTokens: Tokens = 0;
  /** Those whose first token has not come. */
  readonly #pending = new Set<EngineRequest>();

  constructor(readonly index: number) {}

  sent(request: EngineRequest): void {
    this.inFlight++;
    this.inFlightPromptTokens += request.promptTokens;
    this.pendingPromptTokens += request.promptTokens;
    this.#pending.add(request);
  }

  gotFirstToken(request: EngineRequest): void {
    if (this.#pending.delete(request)) this.pendingPromptTokens -= request.promptTokens;
  }

  ended(request: EngineRequest): void {
    this.gotFirstToken(request);
    this.inFlight--;
    this.inFlightPromptTokens -= request.promptTokens;
  }
}

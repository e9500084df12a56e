import type { ExploreAnswer } from "./explore-answer.js";
import type { CapturedSurvival, ExploreQuestion, ExploreSharing } from "./explorer.js";

/** What a page says to the thread that computes: first what there is to explore, then questions. */
export type ExploreRequest =
  | {
      readonly kind: "start";
      /** Packed workloads, deflated, in base64. */
      readonly workloads: readonly string[];
      readonly models: Readonly<Record<string, unknown>>;
    }
  | { readonly kind: "ask"; readonly ask: number; readonly question: ExploreQuestion };

/** What it answers. The parts of one answer come one after another, under the number of their question. */
export type ExploreReply =
  | { readonly kind: "ready" }
  | {
      readonly kind: "answer";
      readonly ask: number;
      readonly answer: ExploreAnswer;
      readonly captured: CapturedSurvival;
      readonly computingMs: number;
    }
  | { readonly kind: "sharing"; readonly ask: number; readonly sharing: ExploreSharing }
  | { readonly kind: "refused"; readonly ask: number; readonly message: string };

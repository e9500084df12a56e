import type { JsonValue, ParentEdge } from "../../trace/index.js";

/** Which request a record is of, and how it hangs together with others. */
export interface RecordOrigin {
  readonly requestId: string;
  readonly session?: string;
  readonly sessionSource?: string;
  readonly turn?: number;
  readonly agent?: string;
  readonly parents?: readonly ParentEdge[];
  /** Further fields of the record by their wire names. */
  readonly extra: Readonly<Record<string, JsonValue>>;
  /** What keeps its blocks apart from those of equal prompts: another model than the capture's, a salt, an adapter. */
  readonly apart?: string;
}

import type { Blocks } from "../base/index.js";
import type { ParentChoice } from "./choose-parent.js";
import type { EdgeKind } from "./sessions.js";

const BY_KIND: Readonly<Record<EdgeKind, number>> = {
  root: 1,
  answer: 0.99,
  prefix: 0.97,
  "tail-edit": 0.9,
  edit: 0.8,
};

/**
 * A ranking of edges from 0 to 1. It starts from the kind of the match, is lowered in proportion to what
 * was matched of the parent's own part (its prompt past the trunk; a quarter at the least), and is shared among parents that fit equally well.
 * A root that shares something past the trunk with an earlier request, yet has no parent, is less sure than one
 * that shares nothing; one without any full block is a guess.
 */
export function edgeConfidence(
  choice: ParentChoice,
  blocks: { readonly parentBlocks: Blocks; readonly trunkBlocks: Blocks; readonly promptBlocks: Blocks },
): number {
  const { parentBlocks, trunkBlocks, promptBlocks } = blocks;
  if (choice.kind === "root") {
    if (promptBlocks === 0) return 0.5;
    return choice.sharedBlocks > trunkBlocks ? 0.5 : promptBlocks > trunkBlocks ? 1 : 0.7;
  }
  const ownBlocks = Math.max(1, parentBlocks - trunkBlocks);
  const matched = Math.min(1, (choice.sharedBlocks - trunkBlocks) / ownBlocks);
  // One block alone may be a coincidence of templates; each further block makes that less likely.
  const enough = 1 - 0.5 ** (choice.sharedBlocks - trunkBlocks + 1);
  return (BY_KIND[choice.kind] * Math.max(matched, 0.25) * enough) / choice.competingParents;
}

import { byteLength, type ChatPart, type PromptPiece } from "../wire/index.js";
import { keyedHash } from "./keyed-hash.js";

/** What is kept of a part of a chat's prompt: how long it is, and what tells it from others. */
export interface PromptPart {
  readonly role: string;
  /** UTF-8 bytes of its text, with its frame. */
  readonly bytes: number;
  /** Digests of the things in it. */
  readonly things: readonly string[];
  /** Twelve hex digits of its keyed hash. */
  readonly hash: string;
}

/** The parts of a chat without their content. */
export function promptParts(parts: readonly ChatPart[], key: Uint8Array | undefined): PromptPart[] {
  return parts.map(({ role, pieces }) => ({
    role,
    bytes: pieces.reduce((sum, piece) => sum + (typeof piece === "string" ? byteLength(piece) : 0), 0),
    things: pieces.flatMap((piece) => (typeof piece === "string" ? [] : [piece.digest])),
    hash: keyedHash(key, "message", contentText(pieces), 12),
  }));
}

/** Lengths in between, so that the bounds of pieces count. */
function contentText(pieces: readonly PromptPiece[]): string {
  return pieces
    .map((piece) =>
      typeof piece === "string" ? `${piece.length}:${piece}` : `${piece.thing}:${piece.digest}`,
    )
    .join("\0");
}

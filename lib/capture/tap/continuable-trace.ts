import { createHmac } from "node:crypto";
import { stat } from "node:fs/promises";
import { InputError } from "../../base/index.js";
import { outputFile } from "../../output/index.js";
import { metaFromJson, type TraceMeta } from "../../trace/index.js";
import { firstLine } from "./first-line.js";

/** What two recordings in one file must have in common. */
export interface RecordingKind {
  readonly blockSize: number;
  readonly fingerprintKey: Uint8Array | undefined;
}

/** The constant whose HMAC tells two keys apart. */
const KEY_CHECK_TEXT = "prefixlab fingerprint key";

/**
 * Tells whether two traces have one key, without telling the key: the first 8 bytes of the HMAC-SHA256 of a constant, in
 * hex.
 */
export function fingerprintKeyCheck(key: Uint8Array): string {
  return createHmac("sha256", key).update(KEY_CHECK_TEXT).digest("hex").slice(0, 16);
}

/** The facts of a tap's meta line that decide whether another tap can go on with its file. */
export function recordingMeta({ blockSize, fingerprintKey }: RecordingKind): Record<string, string | number> {
  return {
    source: "tap",
    block_size: blockSize,
    fingerprint: fingerprintKey ? "hmac-sha256" : "fnv1a64",
    ...(fingerprintKey && { fingerprint_key_check: fingerprintKeyCheck(fingerprintKey) }),
  };
}

/**
 * Makes sure that a recording can go into a file: a new one, an empty one, one that is no file but a device or a pipe, or
 * a tap's trace with the same block size and key. Reads its first line only, and changes nothing.
 * @param isForced the trace that is there is to be replaced: it may be of any kind, but must be a trace
 * @throws InputError saying what the file is and what to do
 */
export async function requireContinuable(
  path: string,
  kind: RecordingKind,
  isForced: boolean,
): Promise<void> {
  const target = await outputFile(path);
  if (!target.replaceable) return;
  const size = (await stat(target.path).catch(() => undefined))?.size ?? 0;
  if (size === 0) return;
  const meta = metaOf(await firstLine(target.path, path));
  if (!meta) {
    // A trace of an importer without facts has no meta line: its first line is a record.
    if (isForced && isRecord(await firstLine(target.path, path))) return;
    throw new InputError(
      `${path}: is there and is no trace of a tap (its first line is no {"meta": ...}): nothing was changed; give another path, or move it away`,
    );
  }
  if (isForced) return;
  const reason = refusal(meta, kind);
  if (reason !== undefined)
    throw new InputError(
      `${path}: ${reason}: nothing was changed; give another path, or --force to replace it`,
    );
}

/** Why a recording cannot go on in a trace with this meta line; undefined when it can. */
export function refusal(meta: TraceMeta, kind: RecordingKind): string | undefined {
  const { extra } = meta;
  if (meta.source !== "tap")
    return `is a trace of ${meta.source === undefined ? "another source" : JSON.stringify(meta.source)}, and a tap only continues a tap's`;
  const wanted = recordingMeta(kind);
  if (meta.blockSize !== wanted.block_size)
    return `has blocks of ${meta.blockSize ?? "unknown size"}${meta.blockSize === undefined ? "" : " tokens"}, this recording of ${wanted.block_size}`;
  if (extra.fingerprint !== wanted.fingerprint)
    return kind.fingerprintKey
      ? "was recorded without a key, this recording has one (--no-key goes on without)"
      : "was recorded with a key, this recording has none";
  if (kind.fingerprintKey && extra.fingerprint_key_check !== wanted.fingerprint_key_check)
    return extra.fingerprint_key_check === undefined
      ? "does not tell with which key it was recorded"
      : "was recorded with another key (--fingerprint-key-file gives it)";
  if (typeof extra.started_at !== "number") return "does not tell when it was begun (started_at)";
  return undefined;
}

function metaOf(line: string): TraceMeta | undefined {
  try {
    const json = JSON.parse(line) as { readonly meta?: unknown } | null;
    return json?.meta === undefined ? undefined : metaFromJson(json.meta);
  } catch {
    // Neither JSON nor, where it is, a meta line: a file of another kind.
    return undefined;
  }
}

function isRecord(line: string): boolean {
  try {
    const json = JSON.parse(line) as { readonly prompt_tokens?: unknown } | null;
    return typeof json?.prompt_tokens === "number";
  } catch {
    return false;
  }
}

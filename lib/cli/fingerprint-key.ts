import { randomBytes } from "node:crypto";
import { open, readFile, rm, stat } from "node:fs/promises";
import { InputError, WorkError } from "../base/index.js";
import { outputFile } from "../output/index.js";
import { readableByOthers } from "./readable-by-others.js";

const leastBytes = 16;
const madeBytes = 32;

/** The key of a recording's fingerprints, and what is to be said about it. */
export interface TraceKey {
  readonly key: Uint8Array;
  /** A line for the user: where it is. */
  readonly said: string;
  readonly warning?: string;
  /** Takes back a key that was made here, for a recording that does not begin. */
  discard(): Promise<void>;
}

/**
 * Reads the secret key of fingerprints from a file: all of its bytes.
 * @param command the command that wants it, for the message
 * @throws InputError when it cannot be read, or is too short to be a secret
 */
export async function readFingerprintKey(command: string, path: string): Promise<Uint8Array> {
  const key = await readFile(path).catch((error: NodeJS.ErrnoException) => {
    throw new InputError(
      `${command}: fingerprint key file ${path} cannot be read (${error.code ?? error.message})`,
    );
  });
  if (key.length < leastBytes)
    throw new InputError(
      `${command}: fingerprint key file ${path} holds ${key.length} bytes, a key needs at least ${leastBytes}`,
    );
  return key;
}

/**
 * The key of a trace that is recorded: from the file given, else from `TRACE.key` beside it, which is made, readable by its
 * owner alone, where there is none.
 * @param given the file given by flag
 * @throws InputError when it cannot be read
 * @throws WorkError when it cannot be written
 */
export async function traceKey(command: string, trace: string, given: string | undefined): Promise<TraceKey> {
  if (given !== undefined) return foundKey(command, given);
  const { path, replaceable } = await outputFile(trace);
  if (!replaceable)
    return {
      key: randomBytes(madeBytes),
      said: "fingerprints have a key that is not kept: no other trace can be compared with this one",
      discard: async () => {},
    };
  const beside = `${path}.key`;
  if (await stat(beside).catch(() => undefined)) return foundKey(command, beside);
  const key = randomBytes(madeBytes);
  const file = await open(beside, "wx", 0o600).catch((error: NodeJS.ErrnoException) => {
    throw new WorkError(
      `${command}: ${beside} cannot be written (${error.code ?? error.message}): a key is kept beside the trace; ` +
        "give --fingerprint-key-file, or --no-key",
    );
  });
  const discard = () => rm(beside, { force: true });
  try {
    await file.writeFile(key);
    await file.sync();
  } catch (error) {
    await discard();
    throw new WorkError(`${command}: ${beside} cannot be written (${(error as NodeJS.ErrnoException).code})`);
  } finally {
    await file.close();
  }
  return {
    key,
    said: `fingerprints have a key, made now: ${beside}; keep it from whoever gets the trace`,
    discard,
  };
}

async function foundKey(command: string, path: string): Promise<TraceKey> {
  const key = await readFingerprintKey(command, path);
  const mode = await readableByOthers(path);
  return {
    key,
    said: `fingerprints have the key in ${path}`,
    ...(mode !== undefined && {
      warning: `${path} can be read by others (mode ${mode}): with it, prompts can be guessed from the trace; chmod 600`,
    }),
    discard: async () => {},
  };
}

import { readFile } from "node:fs/promises";
import { InputError } from "../base/index.js";

const leastBytes = 16;

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

import { promptJson } from "./prompt-thing.js";

/** What an engine keeps the blocks of equal prompts apart by, of one request. */
export function requestApart(
  salt: string | undefined,
  adapters: readonly (readonly [string, unknown])[],
): string | undefined {
  return salt === undefined && adapters.length === 0 ? undefined : promptJson([salt ?? null, adapters]);
}

/**
 * What a chain of fingerprints is kept apart by: another model than the capture's own, which an adapter is too where it has
 * a name of its own, and what the request says.
 * @returns undefined for a chain that is not
 */
export function chainApart(
  otherModel: string | undefined,
  ofRequest: string | undefined,
): string | undefined {
  if (otherModel === undefined && ofRequest === undefined) return undefined;
  return JSON.stringify([otherModel ?? null, ofRequest ?? null]);
}

import { InputError } from "../base/index.js";

/**
 * Splits `HOST:PORT`; an IPv6 host is in brackets, and `:PORT` alone or `PORT` alone listens on the loopback address.
 * @param command the command that wants it, for the message
 * @throws InputError when it is neither
 */
export function listenAddress(command: string, text: string): { host: string; port: number } {
  const parts = /^(?:(\[[0-9a-fA-F:.]+\]|[^:[\]]*):)?(\d{1,5})$/.exec(text);
  const port = Number(parts?.[2]);
  if (!parts || port > 65_535)
    throw new InputError(`${command}: --listen must be HOST:PORT, got ${JSON.stringify(text)}`);
  return { host: (parts[1] || "127.0.0.1").replace(/^\[|\]$/g, ""), port };
}

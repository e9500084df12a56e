import { createHmac, randomUUID, timingSafeEqual } from "node:crypto";
import { InputError } from "../base/index.js";

/** A message of Jupyter's wire protocol 5.3. Source: jupyter-client, "Messaging in Jupyter". */
export interface JupyterMessage {
  /** Routing prefix of the socket. */
  readonly identities: readonly Buffer[];
  readonly header: MessageHeader;
  readonly parent: Partial<MessageHeader>;
  readonly metadata: Readonly<Record<string, unknown>>;
  readonly content: Readonly<Record<string, unknown>>;
}

export interface MessageHeader {
  readonly msg_id: string;
  readonly msg_type: string;
  readonly session: string;
  readonly username: string;
  readonly date: string;
  readonly version: string;
}

const delimiter = Buffer.from("<IDS|MSG>");

/**
 * Reads the frames of a message and checks its signature.
 * @throws InputError when the frames are no message or the signature is not the key's
 */
export function readMessage(frames: readonly Buffer[], key: string): JupyterMessage {
  const at = frames.findIndex((frame) => frame.equals(delimiter));
  if (at < 0 || frames.length < at + 6)
    throw new InputError("readMessage: the frames are no Jupyter message");
  const parts = frames.slice(at + 2, at + 6);
  const given = frames[at + 1].toString();
  const wanted = signature(parts, key);
  if (given.length !== wanted.length || !timingSafeEqual(Buffer.from(given), Buffer.from(wanted)))
    throw new InputError("readMessage: the signature does not match the connection's key");
  const [header, parent, metadata, content] = parts.map((part) => JSON.parse(part.toString()));
  return { identities: frames.slice(0, at), header, parent, metadata, content };
}

/** A message of a type, in answer to another. */
export function replyTo(
  request: JupyterMessage,
  type: string,
  content: Readonly<Record<string, unknown>>,
): JupyterMessage {
  return {
    identities: request.identities,
    header: {
      msg_id: randomUUID(),
      msg_type: type,
      session: request.header.session,
      username: request.header.username,
      date: new Date().toISOString(),
      version: "5.3",
    },
    parent: request.header,
    metadata: {},
    content,
  };
}

/** The frames of a message, signed. */
export function writeMessage(message: JupyterMessage, key: string): Buffer[] {
  const parts = [message.header, message.parent, message.metadata, message.content].map((part) =>
    Buffer.from(JSON.stringify(part)),
  );
  return [...message.identities, delimiter, Buffer.from(signature(parts, key)), ...parts];
}

function signature(parts: readonly Buffer[], key: string): string {
  if (key === "") return "";
  const hmac = createHmac("sha256", key);
  for (const part of parts) hmac.update(part);
  return hmac.digest("hex");
}

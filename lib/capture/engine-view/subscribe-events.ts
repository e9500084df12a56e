import { InputError } from "../../base/index.js";
import { type EngineEventBatch, readEventBatch } from "./kv-event-batch.js";

/** What a subscription tells. */
export interface EventListener {
  readonly onBatch: (batch: EngineEventBatch) => void;
  readonly onProblem: (message: string) => void;
}

/** A subscription under way. */
export interface EventSubscription {
  close(): Promise<void>;
}

/** Batches that wait for this process, beyond which ZeroMQ drops and their numbers have a gap. */
const MOST_WAITING = 100_000;

/**
 * Subscribes to the KV events that an engine publishes over ZeroMQ, all topics.
 * @param address `ipc://PATH` or `tcp://HOST:PORT`; `*` for a host, as the engine's own configuration has it, is this
 * machine. With `bind:` before it the engine connects to us.
 * @throws InputError when it is no such address, or ZeroMQ is not installed
 */
export async function subscribeEvents(address: string, listener: EventListener): Promise<EventSubscription> {
  const [, bind, endpoint] = /^(bind:)?((?:tcp|ipc):\/\/.+)$/.exec(address) ?? [];
  if (endpoint === undefined)
    throw new InputError(
      `--kv-events must be ipc://PATH or tcp://HOST:PORT, got ${JSON.stringify(address)}: as in the engine's --kv-events-config`,
    );
  const { Subscriber } = await import("zeromq").catch(() => {
    throw new InputError("--kv-events needs zeromq: run npm install zeromq@6.8.0");
  });
  const socket = new Subscriber({ receiveHighWaterMark: MOST_WAITING, linger: 0 });
  socket.subscribe();
  if (bind) await socket.bind(endpoint);
  else socket.connect(endpoint.replace("://*:", "://127.0.0.1:"));
  const reading = read(socket, listener);
  return {
    async close() {
      socket.close();
      await reading;
    },
  };
}

async function read(messages: AsyncIterable<readonly Uint8Array[]>, listener: EventListener): Promise<void> {
  let saidUnreadable = false;
  try {
    for await (const frames of messages) {
      try {
        listener.onBatch(readEventBatch(frames));
      } catch (error) {
        if (!saidUnreadable)
          listener.onProblem(`a KV event cannot be read (${(error as Error).message}); others may follow`);
        saidUnreadable = true;
      }
    }
  } catch {
    // The socket was closed while it was read.
  }
}

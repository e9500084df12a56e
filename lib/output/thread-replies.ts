import type { Worker } from "node:worker_threads";
import { InputError, WorkError } from "../base/index.js";

/** What a thread says instead of a reply when it meets an InputError: an error loses its class on its way between threads. */
export interface ThreadRefusal {
  readonly refusal: string;
}

/**
 * Takes the replies of threads until all have ended, and what was begun with their replies is done. They are to be stopped by
 * whoever started them, whatever happens.
 * @param who one of them is, in an error: "sweep: a worker thread"
 * @param onReply begins what a reply is for; where it fails, so does this
 * @throws InputError what a thread refused, WorkError when one ends before its work does; what `onReply` throws
 */
export async function threadReplies<Reply extends object>(
  who: string,
  threads: readonly Worker[],
  onReply: (reply: Reply) => Promise<void> | void,
): Promise<void> {
  const begun: (Promise<void> | void)[] = [];
  const ended = threads.map(
    (thread) =>
      new Promise<void>((resolve, reject) => {
        thread.on("message", (reply: Reply | ThreadRefusal) => {
          if ("refusal" in reply) {
            reject(new InputError(reply.refusal));
            return;
          }
          const done = onReply(reply);
          done?.catch(reject);
          begun.push(done);
        });
        thread.once("error", reject);
        thread.once("exit", (code) => {
          if (code === 0) resolve();
          else reject(new WorkError(`${who} ended with exit code ${code}`));
        });
      }),
  );
  await Promise.all(ended);
  await Promise.all(begun);
}

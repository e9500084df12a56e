import { unpackWorkload } from "../../replay/index.js";
import type { ExploreReply, ExploreRequest } from "../explore-messages.js";
import { Explorer } from "../explorer.js";

/** Takes a page's messages, one after another, and posts what comes of them. */
export function startExplorer(post: (reply: ExploreReply) => void): (request: ExploreRequest) => void {
  let explorer: Promise<Explorer> | undefined;
  return (request) => {
    if (request.kind === "start") {
      explorer = opened(request);
      explorer.then(
        () => post({ kind: "ready" }),
        (error) => post({ kind: "refused", ask: 0, message: messageOf(error) }),
      );
      return;
    }
    const { ask, question } = request;
    explorer
      ?.then((ready) => {
        const startedMs = performance.now();
        const answer = ready.answer(question);
        const captured = ready.captured(question);
        post({ kind: "answer", ask, answer, captured, computingMs: performance.now() - startedMs });
        post({ kind: "sharing", ask, sharing: ready.sharing(question) });
      })
      .catch((error) => post({ kind: "refused", ask, message: messageOf(error) }));
  };
}

async function opened({ workloads, models }: ExploreRequest & { kind: "start" }): Promise<Explorer> {
  const unpacked = await Promise.all(workloads.map(async (text) => unpackWorkload(await inflated(text))));
  return new Explorer(unpacked, models);
}

async function inflated(base64: string): Promise<Uint8Array> {
  const text = atob(base64);
  const bytes = Uint8Array.from({ length: text.length }, (_, i) => text.charCodeAt(i));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate-raw"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

const scope = globalThis as unknown as {
  readonly document?: unknown;
  onmessage: ((event: { readonly data: ExploreRequest }) => void) | null;
  postMessage(reply: ExploreReply): void;
  startExplorer?: typeof startExplorer;
};
// In a page that may start no worker, the same file is a script of the page.
if (scope.document === undefined) {
  const take = startExplorer((reply) => scope.postMessage(reply));
  scope.onmessage = ({ data }) => take(data);
} else scope.startExplorer = startExplorer;

/** What a server's own pages answered; undefined where one is not there. JSON but for the metrics, which are text. */
export interface EnginePages {
  /** `/version`: vLLM and others. */
  readonly version?: unknown;
  /** `/metrics`, in Prometheus' text format. */
  readonly metrics?: string;
  /** `/v1/models`: the name of the engine as its owner, and the longest context. */
  readonly models?: unknown;
  /** `/server_info?config_format=json` (vLLM in development mode, newer SGLang) or `/get_server_info` (SGLang). */
  readonly serverInfo?: unknown;
  /** `/props`: llama.cpp. */
  readonly props?: unknown;
  /** `/slots`: llama.cpp. */
  readonly slots?: unknown;
  /** `/info`: text-generation-inference. */
  readonly info?: unknown;
  /** `/api/version` and `/api/ps`: Ollama. */
  readonly ollamaVersion?: unknown;
  readonly ollamaModels?: unknown;
  /** `/v2`: Triton. */
  readonly triton?: unknown;
  /** `/kv_event_sources`: where vLLM publishes what its cache stores and removes, by rank. */
  readonly kvEventSources?: unknown;
}

/** Asks for a page of the server; undefined when it has none. Never rejects. */
export type AskPage = (path: string) => Promise<string | undefined>;

/** A page longer than this is no engine's. */
const LARGEST_PAGE_CHARACTERS = 16 * 1024 * 1024;

/**
 * Asks a server for the pages on which engines tell of themselves: first those by which one is told from another, then
 * those that only the one has, so that a gateway is not asked for everything there is.
 */
export async function askEngine(ask: AskPage): Promise<EnginePages> {
  const text = async (path: string) => {
    const page = await ask(path);
    return page !== undefined && page.length <= LARGEST_PAGE_CHARACTERS ? page : undefined;
  };
  const json = async (path: string) => parsed(await text(path));
  const [version, metrics, models, props, info, ollamaVersion, triton] = await Promise.all([
    json("/version"),
    text("/metrics"),
    json("/v1/models"),
    json("/props"),
    json("/info"),
    json("/api/version"),
    json("/v2"),
  ]);
  const first = { version, metrics, models, props, info, ollamaVersion, triton };
  const owner = modelOwner(models);
  const isSglang = owner === "sglang" || metrics?.includes("\nsglang:") === true;
  const [serverInfo, slots, ollamaModels, kvEventSources] = await Promise.all([
    isSglang
      ? json("/get_server_info").then(async (told) => told ?? (await json("/server_info")))
      : version === undefined
        ? undefined
        : json("/server_info?config_format=json"),
    props === undefined ? undefined : json("/slots"),
    ollamaVersion === undefined ? undefined : json("/api/ps"),
    version === undefined ? undefined : json("/kv_event_sources"),
  ]);
  return withoutUndefined({ ...first, serverInfo, slots, ollamaModels, kvEventSources });
}

/** Who `/v1/models` says that its models belong to: vLLM, SGLang and llama.cpp put their own names there. */
export function modelOwner(models: unknown): string | undefined {
  const [first] = modelEntries(models);
  return typeof first?.owned_by === "string" ? first.owned_by : undefined;
}

/** The models of a `/v1/models` page. */
export function modelEntries(models: unknown): readonly Readonly<Record<string, unknown>>[] {
  const data = (models as { data?: unknown } | null | undefined)?.data;
  if (!Array.isArray(data)) return [];
  return data.filter(
    (entry): entry is Record<string, unknown> => typeof entry === "object" && entry !== null,
  );
}

function parsed(text: string | undefined): unknown {
  try {
    return text === undefined ? undefined : (JSON.parse(text) as unknown);
  } catch {
    return undefined;
  }
}

function withoutUndefined(
  pages: { readonly [K in keyof EnginePages]: EnginePages[K] | undefined },
): EnginePages {
  return Object.fromEntries(Object.entries(pages).filter(([, page]) => page !== undefined)) as EnginePages;
}

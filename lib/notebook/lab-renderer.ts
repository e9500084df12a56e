/// <reference lib="dom" />

/** plotly, as far as it is used. */
interface Plotly {
  react(node: HTMLElement, data: unknown, layout: unknown, config: unknown): Promise<unknown>;
  purge(node: HTMLElement): void;
  readonly Plots: { resize(node: HTMLElement): void };
}

/** The base class of JupyterLab's widgets, as far as it is used. Source: @lumino/widgets. */
interface LuminoWidget {
  readonly node: HTMLElement;
  readonly isVisible: boolean;
  addClass(name: string): void;
  dispose(): void;
}

/** Modules that JupyterLab shares with its extensions: by name and version. */
type ShareScope = Record<string, Record<string, { get(): Promise<() => unknown> }>>;

/** plotly's scripts: a small one for most figures. */
export interface PlotlyScripts {
  readonly basic: string;
  readonly basicTypes: readonly string[];
  readonly whole: string;
}

/** What a notebook's output holds, by MIME type, and what it says of each. */
interface MimeModel {
  readonly metadata?: Record<string, { readonly width?: number } | undefined>;
  readonly data: Record<
    string,
    {
      readonly data: readonly { readonly type?: string }[];
      readonly layout: object;
      readonly config?: object;
    }
  >;
}

/**
 * What JupyterLab loads to draw figures of the type `mimeType` where they are interactive: a container of webpack's module
 * federation with one module, `./mimeExtension`. It runs in JupyterLab's page, as the text of this function: nothing from
 * outside it is there but the page's own globals. A figure is as wide as its cell, but no narrower than its picture: labels are
 * placed for that width, and a narrower cell is scrolled.
 * @param extensionName as in the package.json beside it
 * @param scripts plotly's, beside this one
 */
export function installLabRenderer(extensionName: string, mimeType: string, scripts: PlotlyScripts): void {
  const here = (document.currentScript as HTMLScriptElement).src;
  let shared: ShareScope = {};
  const loading = new Map<string, Promise<Plotly>>();
  const load = (file: string) =>
    new Promise<Plotly>((resolve, reject) => {
      const script = document.createElement("script");
      script.src = new URL(file, here).href;
      script.onload = () => resolve((globalThis as unknown as { Plotly: Plotly }).Plotly);
      script.onerror = () => reject(new Error(`${script.src} did not load`));
      document.head.append(script);
    });
  const plotlyFor = (data: readonly { readonly type?: string }[]) => {
    const isBasic = data.every(({ type }) => type === undefined || scripts.basicTypes.includes(type));
    const file = isBasic ? scripts.basic : scripts.whole;
    const script = loading.get(file) ?? load(file);
    loading.set(file, script);
    return script;
  };

  async function mimeExtension() {
    const [widgets] = Object.values(shared["@lumino/widgets"] ?? {});
    if (!widgets) throw new Error(`${extensionName}: JupyterLab shares no @lumino/widgets`);
    const { Widget } = (await widgets.get())() as { Widget: new () => LuminoWidget };
    class FigureRenderer extends Widget {
      #drawn: Plotly | undefined;
      #plot = document.createElement("div");
      #resized = new ResizeObserver(() => {
        if (this.#drawn && this.node.isConnected && this.node.offsetWidth > 0)
          this.#drawn.Plots.resize(this.#plot);
      });

      async renderModel({ data, metadata }: MimeModel): Promise<void> {
        const figure = data[mimeType];
        if (!figure) return;
        const script = await plotlyFor(figure.data);
        const leastPx = metadata?.["image/png"]?.width;
        this.node.style.background = "#ffffff";
        this.node.style.overflowX = "auto";
        this.#plot.style.minWidth = leastPx === undefined ? "" : `${leastPx}px`;
        if (!this.#plot.isConnected) this.node.append(this.#plot);
        await script.react(this.#plot, figure.data, figure.layout, figure.config ?? {});
        this.#drawn = script;
        this.#resized.observe(this.node);
      }

      override dispose(): void {
        this.#resized.disconnect();
        this.#drawn?.purge(this.#plot);
        super.dispose();
      }
    }
    return {
      __esModule: true,
      default: {
        id: `${extensionName}:figures`,
        rendererFactory: { safe: true, mimeTypes: [mimeType], createRenderer: () => new FigureRenderer() },
        rank: 0,
        dataType: "json",
      },
    };
  }

  const containers = globalThis as unknown as { _JUPYTERLAB?: Record<string, unknown> };
  containers._JUPYTERLAB ??= {};
  containers._JUPYTERLAB[extensionName] = {
    init(scope: ShareScope) {
      shared = scope;
    },
    async get() {
      const module = await mimeExtension();
      return () => module;
    },
  };
}

/** A value that survives JSON: figures are plain data, so that they can be stored, compared and drawn anywhere. */
export type FigureJson =
  | string
  | number
  | boolean
  | null
  | readonly FigureJson[]
  | { readonly [key: string]: FigureJson };

/** One plotly trace: its type ("scatter", "bar", ...) and its attributes by plotly's names. */
export interface PlotlyTrace {
  readonly type: string;
  readonly [attribute: string]: FigureJson;
}

/** The layout of a plotly figure. Size is part of it, because direct labels are placed for one size. */
export interface PlotlyLayout {
  /** Pixels. */
  readonly width: number;
  /** Pixels. */
  readonly height: number;
  readonly [attribute: string]: FigureJson;
}

/** A figure as plotly takes it: `Plotly.newPlot(div, data, layout)`, or one MIME bundle in a notebook. */
export interface PlotlyFigure {
  readonly data: readonly PlotlyTrace[];
  readonly layout: PlotlyLayout;
}

/** Colours of a page by the part they play, in the light and in the dark: those of the house style, made to be seen on both. */
export interface Theme {
  readonly ink: string;
  readonly paper: string;
  readonly muted: string;
  readonly grid: string;
  readonly modeled: string;
  readonly accent: string;
  readonly third: string;
}

const light: Theme = {
  ink: "#1a1a1a",
  paper: "#ffffff",
  muted: "#6b6b6b",
  grid: "#e6e6e6",
  modeled: "#0072b2",
  accent: "#d55e00",
  third: "#009e73",
};

const dark: Theme = {
  ink: "#ececec",
  paper: "#1b1d21",
  muted: "#a3a7ad",
  grid: "#33363b",
  modeled: "#5bb4ec",
  accent: "#f0904d",
  third: "#3fc79a",
};

const darkScheme = () => matchMedia("(prefers-color-scheme: dark)");

/** The theme that the reader's system asks for. */
export function themeNow(): Theme {
  return darkScheme().matches ? dark : light;
}

/** Calls back when the reader's system changes between light and dark. */
export function onThemeChange(changed: () => void): void {
  darkScheme().addEventListener("change", changed);
}

/** A colour with transparency, as plotly takes it. */
export function seeThrough(hex: string, opacity: number): string {
  const channel = (at: number) => Number.parseInt(hex.slice(at, at + 2), 16);
  return `rgba(${channel(1)},${channel(3)},${channel(5)},${opacity})`;
}

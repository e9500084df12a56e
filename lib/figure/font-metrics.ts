import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { InputError } from "../base/index.js";

/** Advance widths of one font face. */
export interface FontMetrics {
  /** Width of a text set on one line, in pixels at the given size. */
  widthPx(text: string, sizePx: number): number;
}

/** Weights that ship with the figures. */
export type FontWeight = "regular" | "bold";

const files: Readonly<Record<FontWeight, string>> = {
  regular: "@expo-google-fonts/inter/400Regular/Inter_400Regular.ttf",
  bold: "@expo-google-fonts/inter/600SemiBold/Inter_600SemiBold.ttf",
};

/** Path of a bundled TTF file: Inter, under the SIL Open Font License. */
export function fontPath(weight: FontWeight): string {
  return createRequire(import.meta.url).resolve(files[weight]);
}

const loaded = new Map<FontWeight, FontMetrics>();

/** The metrics of a bundled face, read once. */
export function fontMetrics(weight: FontWeight): FontMetrics {
  let metrics = loaded.get(weight);
  if (!metrics) {
    metrics = readFontMetrics(readFileSync(fontPath(weight)));
    loaded.set(weight, metrics);
  }
  return metrics;
}

/**
 * Reads the tables of a TrueType file that say how wide a text is: `head` (units per em), `hhea` and `hmtx`
 * (advances), `cmap` format 4 (characters to glyphs). Kerning and ligatures are left out: within 2 % for labels.
 * Source: the OpenType specification 1.9.
 * @throws InputError when a table is missing or the file has no format 4 character map
 */
export function readFontMetrics(ttf: Uint8Array): FontMetrics {
  const view = new DataView(ttf.buffer, ttf.byteOffset, ttf.byteLength);
  const tables = new Map<string, number>();
  for (let i = 0; i < view.getUint16(4); i++) {
    const at = 12 + 16 * i;
    tables.set(String.fromCharCode(...ttf.subarray(at, at + 4)), view.getUint32(at + 8));
  }
  const table = (tag: string): number => {
    const offset = tables.get(tag);
    if (offset === undefined) throw new InputError(`readFontMetrics: the font has no table ${tag}`);
    return offset;
  };
  const unitsPerEm = view.getUint16(table("head") + 18);
  const advances = view.getUint16(table("hhea") + 34);
  const hmtx = table("hmtx");
  const glyphOf = readCharacterMap(view, table("cmap"));
  const advance = (code: number) => view.getUint16(hmtx + 4 * Math.min(glyphOf(code), advances - 1));
  return {
    widthPx(text, sizePx) {
      let units = 0;
      for (let i = 0; i < text.length; i++) units += advance(text.charCodeAt(i));
      return (units * sizePx) / unitsPerEm;
    },
  };
}

/** Characters to glyph ids, by the first format 4 subtable. */
function readCharacterMap(view: DataView, cmap: number): (code: number) => number {
  const subtables = Array.from(
    { length: view.getUint16(cmap + 2) },
    (_, i) => cmap + view.getUint32(cmap + 4 + 8 * i + 4),
  );
  const at = subtables.find((offset) => view.getUint16(offset) === 4);
  if (at === undefined) throw new InputError("readFontMetrics: the font has no character map of format 4");
  const segX2 = view.getUint16(at + 6);
  const ends = at + 14;
  const starts = ends + segX2 + 2;
  const deltas = starts + segX2;
  const offsets = deltas + segX2;
  return (code) => {
    for (let s = 0; s < segX2; s += 2) {
      if (view.getUint16(ends + s) < code) continue;
      const start = view.getUint16(starts + s);
      if (start > code) return 0;
      const delta = view.getUint16(deltas + s);
      const rangeOffset = view.getUint16(offsets + s);
      if (rangeOffset === 0) return (code + delta) & 0xffff;
      const glyph = view.getUint16(offsets + s + rangeOffset + 2 * (code - start));
      return glyph === 0 ? 0 : (glyph + delta) & 0xffff;
    }
    return 0;
  };
}

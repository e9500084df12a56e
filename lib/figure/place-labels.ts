/** A point in pixels from the panel's top left corner. */
export interface PanelPoint {
  readonly x: number;
  readonly y: number;
}

/** The extent of a panel, pixels. */
export interface PanelSize {
  readonly width: number;
  readonly height: number;
}

/** A label that wants to stand beside its own curves. */
export interface LabelRequest {
  /** The sizes it can take, the preferred one first: another is taken where the first would cover something. */
  readonly forms: readonly PanelSize[];
  /** Indexes of the curves it speaks of. */
  readonly curves: readonly number[];
}

/** Where a label stands, in pixels from the panel's top left corner, and in which of its forms. */
export interface PlacedLabel extends PanelPoint, PanelSize {
  readonly form: number;
}

/** Step between candidate positions, pixels. */
const grid = 6;
/** How far a label stands from the line it names, pixels. */
const gap = 10;
/** Costs against a pixel of distance: a covered sample of a line, a covered cell of a shaded area, ... */
const lineCost = 40;
const areaCost = 2;
/** ... standing nearer to another curve than to the own ones, and each form after the first. */
const ambiguityCost = 250;
const formCost = 30;

/**
 * Places labels in a panel: beside their own curves, on no curve, on no other label, inside the panel, and off the
 * shaded areas where there is room. Every position of a grid is tried, the labels one after the other, in the given
 * order and in its reverse; the cheaper outcome is taken.
 * @param curves the curves as step vertices in pixels
 * @param areas points of shaded areas, such as bands
 * @returns one box a label, in the order of `labels`
 */
export function placeLabels(
  panel: PanelSize,
  curves: readonly (readonly PanelPoint[])[],
  labels: readonly LabelRequest[],
  areas: readonly PanelPoint[] = [],
): PlacedLabel[] {
  const lines = curves.map((curve) => thinnedOut(alongLine(curve, panel), 5));
  const shades = thinnedOut(areas, 8);
  const forward = placeInOrder(panel, lines, labels, shades);
  const backward = placeInOrder(panel, lines, [...labels].reverse(), shades);
  return forward.cost <= backward.cost ? forward.placed : backward.placed.reverse();
}

function placeInOrder(
  panel: PanelSize,
  lines: readonly Float64Array[],
  labels: readonly LabelRequest[],
  shades: Float64Array,
): { readonly placed: PlacedLabel[]; readonly cost: number } {
  const placed: PlacedLabel[] = [];
  let total = 0;
  for (const label of labels) {
    let best: PlacedLabel = { x: 0, y: 0, width: 0, height: 0, form: 0 };
    let least = Number.MAX_VALUE;
    const surroundings = {
      own: joined(lines.filter((_, curve) => label.curves.includes(curve))),
      foreign: joined(lines.filter((_, curve) => !label.curves.includes(curve))),
      shades,
    };
    label.forms.forEach(({ width, height }, form) => {
      for (let x = gap; x + width <= panel.width - 4; x += grid) {
        for (let y = 4; y + height <= panel.height - 4; y += grid) {
          const box = { x, y, width, height, form };
          if (placed.some((other) => overlaps(box, other))) continue;
          const toOwn = nearestOf(box, surroundings.own);
          // A step of the grid brings the curves nearer by its own length at most.
          const hopelessSteps = Math.floor((toOwn - gap - least) / grid);
          if (hopelessSteps > 0) {
            y += (hopelessSteps - 1) * grid;
            continue;
          }
          const cost = costOf(box, toOwn, surroundings, least);
          if (cost < least) {
            least = cost;
            best = box;
          }
        }
      }
    });
    total += least;
    placed.push(best);
  }
  return { placed, cost: total };
}

/** What a label stands among, each as x, y, x, y, ... */
interface Surroundings {
  /** Points along the curves that the label speaks of. */
  readonly own: Float64Array;
  /** Points along the others. */
  readonly foreign: Float64Array;
  readonly shades: Float64Array;
}

/** The cost of a label at a place, or infinity once it is certain to be no less than `least`: most places are told by their own curves. */
function costOf(
  box: PlacedLabel,
  toOwn: number,
  { own, foreign, shades }: Surroundings,
  least: number,
): number {
  const taken = box.form * formCost;
  const ownCovered = countWithin(box, own, 5, toOwn);
  const astray = Math.abs(toOwn - gap);
  if (taken + (ownCovered * lineCost + astray) >= least) return Number.POSITIVE_INFINITY;
  const toForeign = nearestOf(box, foreign);
  const covered = ownCovered + countWithin(box, foreign, 5, toForeign);
  const ambiguous = toForeign < toOwn + 6 ? ambiguityCost : 0;
  // Higher is better where all else is equal: the upper part of a survival curve holds most of the requests.
  const rest = astray + ambiguous + box.y * 0.02 + Math.max(0, 20 - toForeign);
  if (taken + (covered * lineCost + rest) >= least) return Number.POSITIVE_INFINITY;
  const shaded = countWithin(box, shades, 2, 0);
  return taken + (covered * lineCost + shaded * areaCost + rest);
}

/** Distance from a box to the nearest of some points; infinite without any. */
function nearestOf(box: PlacedLabel, points: Float64Array): number {
  let nearest = Number.POSITIVE_INFINITY;
  for (let i = 0; i < points.length; i += 2)
    nearest = Math.min(nearest, squaredDistance(box, points[i], points[i + 1]));
  return Math.sqrt(nearest);
}

/** How many points are nearer to a box than `px`. */
function countWithin(box: PlacedLabel, points: Float64Array, px: number, nearest: number): number {
  if (nearest >= px) return 0;
  let count = 0;
  for (let i = 0; i < points.length; i += 2)
    if (Math.sqrt(squaredDistance(box, points[i], points[i + 1])) < px) count++;
  return count;
}

function squaredDistance(box: PlacedLabel, x: number, y: number): number {
  const dx = Math.max(box.x - x, 0, x - box.x - box.width);
  const dy = Math.max(box.y - y, 0, y - box.y - box.height);
  return dx * dx + dy * dy;
}

function joined(parts: readonly Float64Array[]): Float64Array {
  return Float64Array.from(parts.flatMap((part) => [...part]));
}

function overlaps(a: PlacedLabel, b: PlacedLabel): boolean {
  const margin = 6;
  return (
    a.x < b.x + b.width + margin &&
    b.x < a.x + a.width + margin &&
    a.y < b.y + b.height + margin &&
    b.y < a.y + a.height + margin
  );
}

/** Points along a polyline, at most four pixels apart, inside the panel. */
function alongLine(curve: readonly PanelPoint[], panel: PanelSize): PanelPoint[] {
  const points: PanelPoint[] = [];
  for (let i = 1; i < curve.length; i++) {
    const from = curve[i - 1];
    const to = curve[i];
    const pieces = Math.max(1, Math.ceil(Math.hypot(to.x - from.x, to.y - from.y) / 4));
    for (let k = 0; k <= pieces; k++) {
      const x = from.x + ((to.x - from.x) * k) / pieces;
      const y = from.y + ((to.y - from.y) * k) / pieces;
      if (x >= 0 && x <= panel.width && y >= 0 && y <= panel.height) points.push({ x, y });
    }
  }
  return points;
}

/** One point for each cell of `cellPx` pixels that holds any, as x, y, x, y, ... */
function thinnedOut(points: readonly PanelPoint[], cellPx: number): Float64Array {
  const cells = new Map<number, PanelPoint>();
  for (const point of points)
    cells.set(Math.floor(point.x / cellPx) * 65_536 + Math.floor(point.y / cellPx), point);
  return Float64Array.from([...cells.values()].flatMap(({ x, y }) => [x, y]));
}

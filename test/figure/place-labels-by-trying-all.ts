import type { LabelRequest, PanelPoint, PanelSize, PlacedLabel } from "../../lib/figure/place-labels.js";

/** The oracle of `placeLabels`: what each place of the grid costs, added up point by point, and the cheapest of all. */
export function placeLabelsByTryingAll(
  panel: PanelSize,
  curves: readonly (readonly PanelPoint[])[],
  labels: readonly LabelRequest[],
  areas: readonly PanelPoint[],
): PlacedLabel[] {
  const lines = curves.map((curve) => onePerCell(along(curve, panel), 5));
  const shades = onePerCell(areas, 8);
  const inOrder = (wanted: readonly LabelRequest[]) => {
    const placed: PlacedLabel[] = [];
    let total = 0;
    for (const label of wanted) {
      const boxes = label.forms.flatMap((size, form) => gridBoxes(panel, size, form));
      let least = Number.MAX_VALUE;
      let best: PlacedLabel = { x: 0, y: 0, width: 0, height: 0, form: 0 };
      for (const box of boxes) {
        const cost = costOf(box, label, lines, shades);
        if (cost >= least || placed.some((other) => touch(box, other))) continue;
        least = cost;
        best = box;
      }
      total += least;
      placed.push(best);
    }
    return { placed, total };
  };
  const forward = inOrder(labels);
  const backward = inOrder([...labels].reverse());
  return forward.total <= backward.total ? forward.placed : backward.placed.reverse();
}

function gridBoxes(panel: PanelSize, { width, height }: PanelSize, form: number): PlacedLabel[] {
  const boxes: PlacedLabel[] = [];
  for (let x = 10; x + width <= panel.width - 4; x += 6)
    for (let y = 4; y + height <= panel.height - 4; y += 6) boxes.push({ x, y, width, height, form });
  return boxes;
}

function costOf(
  box: PlacedLabel,
  label: LabelRequest,
  lines: readonly PanelPoint[][],
  shades: readonly PanelPoint[],
): number {
  const distances = lines.map((line) => line.map((point) => distance(box, point)));
  const nearest = (isOwn: boolean) =>
    Math.min(...distances.flatMap((of, curve) => (label.curves.includes(curve) === isOwn ? of : [])));
  const [own, foreign] = [nearest(true), nearest(false)];
  const covered = distances.flat().filter((px) => px < 5).length;
  const shaded = shades.filter((point) => distance(box, point) < 2).length;
  const standing =
    Math.abs(own - 10) + (foreign < own + 6 ? 250 : 0) + box.y * 0.02 + Math.max(0, 20 - foreign);
  return box.form * 30 + (covered * 40 + shaded * 2 + standing);
}

function distance({ x, y, width, height }: PlacedLabel, point: PanelPoint): number {
  const dx = Math.max(x - point.x, 0, point.x - x - width);
  const dy = Math.max(y - point.y, 0, point.y - y - height);
  return Math.sqrt(dx * dx + dy * dy);
}

function touch(a: PlacedLabel, b: PlacedLabel): boolean {
  const apart =
    a.x >= b.x + b.width + 6 ||
    b.x >= a.x + a.width + 6 ||
    a.y >= b.y + b.height + 6 ||
    b.y >= a.y + a.height + 6;
  return !apart;
}

function along(curve: readonly PanelPoint[], { width, height }: PanelSize): PanelPoint[] {
  return curve.slice(1).flatMap((to, at) => {
    const from = curve[at];
    const pieces = Math.max(1, Math.ceil(Math.hypot(to.x - from.x, to.y - from.y) / 4));
    return Array.from({ length: pieces + 1 }, (_, k) => ({
      x: from.x + ((to.x - from.x) * k) / pieces,
      y: from.y + ((to.y - from.y) * k) / pieces,
    })).filter(({ x, y }) => x >= 0 && x <= width && y >= 0 && y <= height);
  });
}

/** Of the points in one cell the last. */
function onePerCell(points: readonly PanelPoint[], cellPx: number): PanelPoint[] {
  const cells = new Map(
    points.map((point) => [`${Math.floor(point.x / cellPx)} ${Math.floor(point.y / cellPx)}`, point]),
  );
  return [...cells.values()];
}

/**
 * The root of a continuous function between two points where its signs differ: false position with Illinois's
 * halving (Dowell and Jarratt 1971), to about 1e-12 relative.
 */
export function findRoot(low: number, high: number, f: (x: number) => number): number {
  let [a, b] = [low, high];
  let [fa, fb] = [f(a), f(b)];
  let side = 0;
  for (let i = 0; i < 200; i++) {
    const x = (a * fb - b * fa) / (fb - fa);
    const fx = f(x);
    if (fx === 0 || Math.abs(b - a) < 1e-12 * Math.abs(x) || x === a || x === b) return x;
    if (fx > 0 === fb > 0) {
      [b, fb] = [x, fx];
      if (side === 1) fa /= 2;
      side = 1;
    } else {
      [a, fa] = [x, fx];
      if (side === -1) fb /= 2;
      side = -1;
    }
  }
  return (a + b) / 2;
}

interface Rule {
  readonly nodes: Float64Array;
  readonly weights: Float64Array;
}

const rules = new Map<number, Rule>();

/** The integral of a smooth function over [from, to] by Gauss-Legendre quadrature with the given number of points. */
export function gaussLegendre(from: number, to: number, points: number, f: (x: number) => number): number {
  const { nodes, weights } = ruleOf(points);
  const half = (to - from) / 2;
  const middle = (to + from) / 2;
  let sum = 0;
  for (let i = 0; i < points; i++) sum += weights[i] * f(middle + half * nodes[i]);
  return sum * half;
}

/** Nodes are the roots of the Legendre polynomial, by Newton's method from Tricomi's estimate. */
function ruleOf(points: number): Rule {
  const known = rules.get(points);
  if (known !== undefined) return known;
  const nodes = new Float64Array(points);
  const weights = new Float64Array(points);
  for (let i = 0; i < points; i++) {
    let x = Math.cos((Math.PI * (i + 0.75)) / (points + 0.5));
    let slope = 1;
    for (let round = 0; round < 20; round++) {
      let [p0, p1] = [1, x];
      for (let k = 2; k <= points; k++) [p0, p1] = [p1, ((2 * k - 1) * x * p1 - (k - 1) * p0) / k];
      slope = (points * (x * p1 - p0)) / (x * x - 1);
      const step = p1 / slope;
      x -= step;
      if (Math.abs(step) < 1e-16) break;
    }
    nodes[i] = x;
    weights[i] = 2 / ((1 - x * x) * slope * slope);
  }
  const rule = { nodes, weights };
  rules.set(points, rule);
  return rule;
}

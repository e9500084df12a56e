/** One generator of `seedrandom` by its own file: the package's main file loads seven more. */
declare module "seedrandom/lib/alea.js" {
  import type { PRNG } from "seedrandom";
  export default function alea(seed: string): PRNG;
}

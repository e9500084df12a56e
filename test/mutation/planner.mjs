/** Which tests have to run for a mutant: those that reach it, the quickest files first. */
export class Planner {
  #files;
  #atLoad;
  /** Per mutant, per file, the places of the tests that reach it. */
  #reaching = new Map();

  /** @param recorded what each test reached and took without a mutant */
  constructor({ files, reachedAtLoad }) {
    this.#files = files;
    this.#atLoad = new Set(reachedAtLoad);
    for (const [filepath, { tests, outside }] of Object.entries(files)) {
      for (const id of outside.reached) this.#note(id, filepath, Object.keys(tests).map(Number));
      for (const [place, { reached }] of Object.entries(tests))
        for (const id of reached) this.#note(id, filepath, [Number(place)]);
    }
  }

  #note(id, filepath, places) {
    const byFile = this.#reaching.get(id) ?? new Map();
    this.#reaching.set(id, byFile);
    const known = byFile.get(filepath);
    byFile.set(filepath, known ? new Set([...known, ...places]) : new Set(places));
  }

  of({ id }) {
    const isStatic = this.#atLoad.has(id);
    const plan = isStatic
      ? this.everything()
      : [...(this.#reaching.get(id) ?? [])].flatMap(([filepath, places]) =>
          this.#quickAndSlow(filepath, [...places]),
        );
    plan.sort((a, b) => a.ms - b.ms);
    return { plan, isStatic, ms: plan.reduce((sum, { ms }) => sum + ms, 0) };
  }

  /** Every test: what a mutant of a constant needs that is read when the file is loaded. */
  everything() {
    return Object.keys(this.#files).flatMap((filepath) =>
      this.#quickAndSlow(filepath, Object.keys(this.#files[filepath].tests).map(Number)),
    );
  }

  /** In two runs of the file where that is likely to spare the slow tests. */
  #quickAndSlow(filepath, places) {
    const { tests, outside } = this.#files[filepath];
    if (outside.ms > quickMs) return [this.#planned(filepath, places)];
    const quick = places.filter((place) => tests[place].ms <= quickMs);
    const slow = places.filter((place) => tests[place].ms > quickMs);
    return [quick, slow].filter(({ length }) => length > 0).map((some) => this.#planned(filepath, some));
  }

  #planned(filepath, select) {
    const { tests, outside, count } = this.#files[filepath];
    const turns = { beforeTests: mostTurns(outside.turns) };
    for (const place of select) turns[place] = mostTurns(tests[place].turns);
    const ms = outside.ms + select.reduce((sum, place) => sum + tests[place].ms, 0);
    return { filepath, select, turns, expected: count, ms };
  }
}

/** Tests that take no longer come first. */
const quickMs = 40;

/** Turns of loops after which a test counts as one that does not end. */
function mostTurns(turns) {
  return 200_000 + 20 * turns;
}

import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import {
  cards,
  kvBytesPerTokenOver,
  type NumberFormat,
  poolThatFits,
  shapeOfModel,
} from "../../lib/hardware/index.js";

interface PublishedPool {
  readonly id: string;
  readonly engine?: "V0";
  readonly with?: string;
  readonly model: string;
  readonly dtype?: NumberFormat;
  readonly card_gib: number;
  readonly utilization: number;
  readonly tensor_parallel: number;
  readonly kv_gib: number;
}

const gib = 2 ** 30;
const { rows } = JSON.parse(
  readFileSync(new URL("../reference/pools/pools.json", import.meta.url), "utf8"),
) as { readonly rows: readonly PublishedPool[] };

/** The other half is what the assumed working memory was made from. */
const judges = (id: string) => createHash("sha256").update(id).digest()[0] % 2 === 1;

/** What is found to fit over what the log has, less one. */
function errorOf({
  id,
  model,
  dtype,
  card_gib,
  utilization,
  tensor_parallel,
  kv_gib,
}: PublishedPool): number {
  const shape = shapeOfModel(model, dtype ? { dtype } : {});
  if (!shape) throw new Error(`${model} is not known`);
  const card = {
    ...cards.h100,
    name: id.startsWith("a100") ? "A100" : id,
    memoryBytes: card_gib * gib,
    visibleBytes: card_gib * gib,
  };
  const tokens = poolThatFits(card, shape, {
    memoryUtilization: utilization,
    tensorParallel: tensor_parallel,
  });
  return (tokens * kvBytesPerTokenOver(shape, tensor_parallel)) / tensor_parallel / (kv_gib * gib) - 1;
}

describe("the pool that fits, against start-up logs that the rule was not made from", () => {
  const judged = rows.filter(({ id }) => judges(id));

  it("is within 3 % of those of vLLM V1", () => {
    const ofV1 = judged.filter(({ engine, with: more }) => engine !== "V0" && more === undefined);
    for (const row of rows)
      console.log(
        `${judges(row.id) ? "judged " : "made of"} ${row.id}: ${(100 * errorOf(row)).toFixed(1)} %${row.engine ? `, ${row.engine}` : ""}${row.with ? `, ${row.with}` : ""}`,
      );
    expect(ofV1.length).toBeGreaterThanOrEqual(2);
    for (const row of ofV1) expect(Math.abs(errorOf(row))).toBeLessThan(0.03);
  });

  it("is more than V0 left, which kept more memory for its work", () => {
    const ofV0 = judged.filter(({ engine }) => engine === "V0");
    expect(ofV0).toHaveLength(3);
    for (const row of ofV0) expect(errorOf(row)).toBeGreaterThan(0);
  });
});

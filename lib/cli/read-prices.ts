import { InputError } from "../base/index.js";
import { type PriceList, priceListFromJson } from "../hardware/index.js";
import { readJsonFile } from "./json-file.js";

/**
 * Reads a price file.
 * @throws InputError naming the file and what is wrong in it
 */
export async function readPrices(path: string): Promise<PriceList> {
  const json = await readJsonFile(path);
  try {
    return priceListFromJson(json);
  } catch (error) {
    throw error instanceof InputError ? new InputError(`${path}: ${error.message}`) : error;
  }
}

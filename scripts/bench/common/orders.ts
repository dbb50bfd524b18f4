/**
 * The input: orders as NDJSON of some 180 bytes each, the same for the same number of records, and the table of products.
 * Written in blocks, so that 2 GB need no more memory than 1 MB. A file that is already there in its full length is used.
 */
import { closeSync, existsSync, openSync, renameSync, writeFileSync, writeSync } from "node:fs";
import { join } from "node:path";
import { seededRandom } from "../../../src/base/random.ts";

export interface BenchInput {
  readonly orders: string;
  readonly products: string;
  readonly records: number;
  readonly bytes: number;
}

const PRODUCTS = 300;
const CATEGORIES = ["books", "garden", "kitchen", "music", "office", "outdoor", "sports", "tools", "toys", "travel"];
const COUNTRIES = ["AT", "BR", "CA", "CH", "DE", "ES", "FR", "GB", "IT", "JP", "NL", "US"];
const FIRST_NAMES = ["anna", "bruno", "clara", "david", "elena", "felix", "greta", "hugo"];
const LAST_NAMES = ["keller", "moreau", "rossi", "schmidt", "tanaka", "wagner", "young", "zanetti"];
const BLOCK_RECORDS = 4096;
const FIRST_ORDER_MS = Date.UTC(2026, 0, 1);

export function makeInput(directory: string, records: number): BenchInput {
  const products = join(directory, "products.csv");
  const orders = join(directory, `orders-${records}.ndjson`);
  writeFileSync(products, productTable());
  if (!existsSync(orders)) writeOrders(orders, records);
  return { orders, products, records, bytes: Bun.file(orders).size };
}

function productTable(): string {
  const lines = Array.from({ length: PRODUCTS }, (_, n) => `${productName(n)},${CATEGORIES[n % CATEGORIES.length]}`);
  return `product,category\n${lines.join("\n")}\n`;
}

/** Under another name until it is whole: an interrupted run leaves nothing that looks finished. */
function writeOrders(path: string, records: number): void {
  const random = seededRandom(1);
  const fd = openSync(`${path}.part`, "w");
  for (let from = 0; from < records; from += BLOCK_RECORDS) {
    const to = Math.min(records, from + BLOCK_RECORDS);
    let block = "";
    for (let number = from; number < to; number++) block += orderLine(number, random.below);
    writeSync(fd, Buffer.from(block));
  }
  closeSync(fd);
  renameSync(`${path}.part`, path);
}

function orderLine(number: number, below: (bound: number) => number): string {
  const orderedAt = new Date(FIRST_ORDER_MS + number * 977).toISOString();
  const customer = below(50_000);
  const first = FIRST_NAMES[customer % 8]!;
  const last = LAST_NAMES[(customer >> 3) % 8]!;
  const amount = (100 + below(99_900)) / 100;
  return (
    `{"order_id":${1_000_000 + number},"ordered_at":"${orderedAt}","customer":"c-${customer}",` +
    `"email":"${first}.${last}.${customer}@example.com","country":"${COUNTRIES[below(COUNTRIES.length)]}",` +
    `"product":"${productName(below(PRODUCTS))}","quantity":${1 + below(9)},"amount":${amount},` +
    `"paid":${below(10) > 0}}\n`
  );
}

function productName(number: number): string {
  return `p-${String(number).padStart(4, "0")}`;
}

/**
 * Makes the sample input in config/sample: orders with every kind of fault that a pipeline meets, the products to look up, the
 * orders' schema, and a short web server log. The same seed gives the same bytes; the files are committed, and a test compares.
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { type Random, seededRandom } from "../src/base/random.ts";

const SEED = 20240501;
const ORDERS = 4000;
const LOG_LINES = 400;
const FIRST_ORDER_MS = Date.UTC(2024, 4, 1, 6);
const ORDER_EVERY_MS = 42_000; // on average: two days of orders

interface Product {
  readonly product: string;
  readonly title: string;
  readonly category: string;
  readonly price: number;
  readonly weight_g: number;
}

const TITLES = [
  ["Espresso cups, 6", "kitchen", 34.9],
  ["Bread knife", "kitchen", 18.5],
  ["Cast iron pan", "kitchen", 49],
  ["Tea tin “Sencha”", "kitchen", 12.4],
  ["Desk lamp", "home", 39.95],
  ["Wool blanket", "home", 89],
  ["Picture frame A4", "home", 14.25],
  ["Beeswax candles, 4", "home", 9.8],
  ["Fountain pen", "office", 27],
  ["Notebook, dotted", "office", 8.9],
  ["Paper clips, 500", "office", 3.6],
  ["Café au lait bowl", "kitchen", 11.2],
  ["Bicycle bell", "outdoor", 13.3],
  ["Rain jacket", "outdoor", 119],
  ["Tent pegs, 10", "outdoor", 7.75],
  ["Head torch", "outdoor", 44.5],
  ["Chess set", "games", 32],
  ["Playing cards", "games", 5.4],
  ["Jigsaw, 1000", "games", 21.9],
  ["Kite “Möwe”", "games", 26.6],
] as const;
const COUNTRIES = ["DE", "DE", "DE", "FR", "FR", "NL", "AT", "PL", "SE", "JP"] as const;
const CURRENCY: Readonly<Record<string, string>> = { PL: "PLN", SE: "SEK", JP: "JPY" };
const NAMES = [
  "anna",
  "björn",
  "chloé",
  "dario",
  "eva",
  "françois",
  "güler",
  "hiro",
  "ida",
  "jan",
  "katarzyna",
  "łukasz",
  "mia",
  "noé",
  "olga",
] as const;
const NOTES = [
  "",
  "",
  "",
  "please ring twice",
  "Geschenk für Oma",
  "à laisser chez le voisin",
  "急ぎでお願いします",
  "proszę o fakturę",
  "🎁 wrap it, please",
  'say "hello" & leave\tit',
  "C:\\deliveries\\today",
  "naïve café — crème brûlée",
  "مرحبا",
  "first line\nsecond line",
] as const;

/** All files by name. */
export function makeSample(): Record<string, string> {
  const random = seededRandom(SEED);
  const products = makeProducts();
  return {
    "orders.ndjson": makeOrders(random, products).join("\n").concat("\n"),
    "products.csv": csvOf(products),
    "order.schema.json": `${JSON.stringify(makeSchema(), null, 2)}\n`,
    "access.log": makeLog(random).join("\n").concat("\n"),
  };
}

function makeProducts(): Product[] {
  return TITLES.map(([title, category, price], at) => ({
    product: `P-${String(at + 1).padStart(3, "0")}`,
    title,
    category,
    price,
    weight_g: 50 + ((at * 137) % 1900),
  }));
}

function csvOf(products: readonly Product[]): string {
  const lines = products.map(({ product, title, category, price, weight_g }) => {
    const quoted = /[",]/.test(title) ? `"${title.replaceAll('"', '""')}"` : title;
    return [product, quoted, category, price, weight_g].join(",");
  });
  return ["product,title,category,price,weight_g", ...lines, ""].join("\n");
}

type Order = Record<string, unknown>;

function makeOrders(random: Random, products: readonly Product[]): string[] {
  let ms = FIRST_ORDER_MS;
  return Array.from({ length: ORDERS }, (_unused, at) => {
    ms += random.below(2 * ORDER_EVERY_MS);
    const order = makeOrder(random, products, 10_000 + at, ms);
    const fault = at % 50 === 17 ? FAULTS[Math.floor(at / 50) % FAULTS.length] : undefined; // two in a hundred
    if (fault !== undefined) return fault(order, JSON.stringify(order));
    if (at % 400 === 99) return JSON.stringify(order).replace(`"id":${order.id}`, `"id":90071992547409${order.id}`); // beyond 2^53
    if (at % 500 === 250) return JSON.stringify({ ...order, ordered_at: new Date(ms - 36 * 3_600_000).toISOString() }); // late
    return JSON.stringify(order);
  });
}

function makeOrder(random: Random, products: readonly Product[], id: number, ms: number): Order {
  const pick = <T>(from: readonly T[]): T => from[random.below(from.length)]!;
  const { product, price } = pick(products);
  const name = pick(NAMES);
  const country = pick(COUNTRIES);
  const customer = random.below(600);
  const quantity = 1 + Math.floor(random.next() ** 3 * 9);
  return {
    id,
    ordered_at: new Date(ms).toISOString(),
    customer: `C-${String(customer).padStart(4, "0")}`,
    email: `${name}.${customer}@example.${country === "DE" ? "org" : "com"}`,
    country,
    product,
    quantity,
    amount: Math.round(price * quantity * 100) / 100,
    currency: CURRENCY[country] ?? "EUR",
    note: pick(NOTES),
  };
}

/** Each takes a good order and its text, and gives a bad line. */
const FAULTS: readonly ((order: Order, text: string) => string)[] = [
  (order) => JSON.stringify({ ...order, amount: undefined }), // missing
  (order) => JSON.stringify({ ...order, amount: String(order.amount) }), // wrong type
  (_order, text) => text.slice(0, Math.floor(text.length / 2)), // cut in the middle
  (order) => JSON.stringify({ ...order, quantity: 0 }), // out of range
  (order) => JSON.stringify({ ...order, email: "nobody at nowhere" }), // bad form
  (order) => JSON.stringify({ ...order, amount: -Number(order.amount) }), // out of range
  (_order, text) => text.replace('"country":', "country:"), // no JSON
  (order) => JSON.stringify({ ...order, customer: null }), // null
  (order) => JSON.stringify({ ...order, ordered_at: "yesterday" }), // no time
  (order) => JSON.stringify({ ...order, product: "P-999" }), // not in the look-up table
  (_order, text) => text.replace(/}$/, ',"id":1}'), // the same field twice
  (order) => JSON.stringify({ ...order, quantity: "two" }), // wrong type
  () => "ERROR 2024-05-01 connection reset by peer", // a stray log line
];

function makeSchema(): object {
  return {
    $schema: "https://json-schema.org/draft/2020-12/schema",
    title: "Order",
    type: "object",
    required: ["id", "ordered_at", "customer", "email", "country", "product", "quantity", "amount", "currency"],
    properties: {
      id: { type: "integer", minimum: 1 },
      ordered_at: { type: "string", format: "date-time" },
      customer: { type: "string", pattern: "^C-[0-9]{4}$" },
      email: { type: "string" },
      country: { type: "string", pattern: "^[A-Z]{2}$" },
      product: { type: "string" },
      quantity: { type: "integer", minimum: 1, maximum: 1000 },
      amount: { type: "number", minimum: 0, maximum: 100_000 },
      currency: { enum: ["EUR", "PLN", "SEK", "JPY"] },
      note: { type: "string", maxLength: 500 },
    },
  };
}

const PATHS = [
  "/",
  "/products",
  "/products/P-003",
  "/cart",
  "/checkout",
  "/api/orders?page=2",
  "/static/app.js",
  "/favicon.ico",
] as const;
const STATUSES = [200, 200, 200, 200, 200, 204, 301, 304, 404, 500] as const;
const AGENTS = [
  "Mozilla/5.0 (X11; Linux x86_64; rv:125.0) Gecko/20100101 Firefox/125.0",
  "curl/8.7.1",
  "ExampleBot/1.0 (+http://bot.example)",
] as const;

function makeLog(random: Random): string[] {
  const pick = <T>(from: readonly T[]): T => from[random.below(from.length)]!;
  let ms = FIRST_ORDER_MS;
  return Array.from({ length: LOG_LINES }, (_unused, at) => {
    ms += random.below(20_000);
    if (at === 120) return "not a log line at all";
    const status = pick(STATUSES);
    const method = pick(["GET", "GET", "GET", "POST", "HEAD"]);
    const bytes = status === 204 || status === 304 ? "-" : String(200 + random.below(40_000));
    const referrer = random.below(3) === 0 ? "https://shop.example/" : "-";
    return `192.0.2.${1 + random.below(40)} - - [${logTime(ms)}] "${method} ${pick(PATHS)} HTTP/1.1" ${status} ${bytes} "${referrer}" "${pick(AGENTS)}"`;
  });
}

/** 01/May/2024:06:00:00 +0000 */
function logTime(ms: number): string {
  const [, day, month, year, time] = new Date(ms).toUTCString().split(" ");
  return `${day}/${month}/${year}:${time} +0000`;
}

if (import.meta.main) {
  const folder = join(resolve(import.meta.dir, ".."), "config", "sample");
  mkdirSync(folder, { recursive: true });
  for (const [name, text] of Object.entries(makeSample())) writeFileSync(join(folder, name), text);
}

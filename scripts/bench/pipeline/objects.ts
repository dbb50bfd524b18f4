/**
 * The same work as a script would do it that somebody writes in an afternoon: JSON.parse of each line, five steps on the
 * object, JSON.stringify. A program of its own: objects.ts ORDERS PRODUCTS OUTPUT.
 */
import { closeSync, openSync, readFileSync, readSync, writeSync } from "node:fs";

interface Order {
  amount: number;
  quantity: number;
  product: string;
  country: string;
  email: string;
  total?: number;
  category?: string;
  email_sha256?: string;
}

const CHUNK_BYTES = 1024 * 1024;
const NEWLINE = 10;

const [orders, products, output] = process.argv.slice(2) as [string, string, string];
const rows = readFileSync(products, "utf8").trimEnd().split("\n").slice(1);
const categories = new Map(rows.map((row) => row.split(",") as [string, string]));
const sums = new Map<string, { category: string; country: string; orders: number; total_sum: number }>();

function convert(line: string): string {
  const order = JSON.parse(line) as Order;
  if (order.amount < 150) return "";
  order.total = order.amount * order.quantity;
  order.category = categories.get(order.product) ?? "unknown";
  order.email_sha256 = Bun.SHA256.hash(order.email, "hex");
  const key = `${order.category},${order.country}`;
  const sum = sums.get(key) ?? { category: order.category, country: order.country, orders: 0, total_sum: 0 };
  sum.orders++;
  sum.total_sum += order.total;
  sums.set(key, sum);
  return `${JSON.stringify(order)}\n`;
}

const source = openSync(orders, "r");
const target = openSync(output, "w");
const buffer = Buffer.allocUnsafe(CHUNK_BYTES);
for (let position = 0; ; ) {
  const bytes = readSync(source, buffer, 0, buffer.length, position);
  const end = buffer.subarray(0, bytes).lastIndexOf(NEWLINE) + 1;
  if (end === 0) break;
  let text = "";
  for (const line of buffer.toString("utf8", 0, end - 1).split("\n")) text += convert(line);
  writeSync(target, text);
  position += end;
}
let text = "";
for (const sum of sums.values()) text += `${JSON.stringify(sum)}\n`;
writeSync(target, text);
closeSync(source);
closeSync(target);

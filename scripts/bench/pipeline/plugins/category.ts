/**
 * Third stage of the benchmark: looks the product up in a CSV file of `product,category` and adds the category. The new
 * column is built in Arrow's layout: the bytes of each category behind one another, and where each begins.
 */
import { readFileSync } from "node:fs";
import { definePlugin, param } from "distributed-system";

const UNKNOWN = Buffer.from("unknown");

let categories = new Map<string, Buffer>();
let widest = UNKNOWN.length;

export default definePlugin({
  info: { name: "bench-category", version: "1.0.0", description: "adds the product's category" },
  params: { table: param.path("CSV file with a header: product,category", { required: true }) },
  init({ params }) {
    const lines = readFileSync(params.table, "utf8").trimEnd().split("\n").slice(1);
    categories = new Map(
      lines.map((line) => {
        const [product, category] = line.split(",") as [string, string];
        return [product, Buffer.from(category)];
      }),
    );
    for (const category of categories.values()) widest = Math.max(widest, category.length);
  },
  processBatch(batch) {
    const products = batch.column("product");
    const offsets = new Int32Array(batch.length + 1);
    const data = new Uint8Array(batch.length * widest);
    let end = 0;
    for (let row = 0; row < batch.length; row++) {
      const product = products?.string(row);
      const category = (product === undefined ? undefined : categories.get(product)) ?? UNKNOWN;
      for (let at = 0; at < category.length; at++) data[end++] = category[at]!;
      offsets[row + 1] = end;
    }
    batch.addColumn("category", { type: "string", values: { offsets, data: data.subarray(0, end) } });
  },
  cleanup() {
    categories.clear();
  },
});

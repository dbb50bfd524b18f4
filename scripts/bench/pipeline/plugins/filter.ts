/** First stage of the benchmark: keeps the orders of at least `min_amount`. One column is decoded, the others stay bytes. */
import { definePlugin, param } from "distributed-system";

export default definePlugin({
  info: { name: "bench-filter", version: "1.0.0", description: "drops small orders" },
  params: { min_amount: param.number("orders below go", { default: 150 }) },
  init() {},
  processBatch(batch, { params }) {
    const amounts = batch.column("amount")?.numbers();
    if (amounts === undefined) return;
    for (let row = 0; row < batch.length; row++) if (amounts[row]! < params.min_amount) batch.drop(row);
  },
  cleanup() {},
});

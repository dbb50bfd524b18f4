/** Second stage of the chaos run: cannot bear some orders; by its policy they are skipped. */
import { definePlugin, param } from "distributed-system";

export default definePlugin({
  info: { name: "chaos-brittle", version: "1.0.0", description: "throws for some orders" },
  params: { one_in: param.integer("an order whose id this divides is one it throws for", { default: 49_999, min: 1 }) },
  init() {},
  processBatch(batch, { params }) {
    const ids = batch.column("order_id")?.numbers();
    if (ids === undefined) return;
    for (let row = 0; row < batch.length; row++) {
      if (batch.isLive(row) && ids[row]! % params.one_in === 0) throw new Error(`cannot bear ${ids[row]}`);
    }
  },
  cleanup() {},
});

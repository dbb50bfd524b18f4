/** First stage of the chaos run: rejects the orders that `one_in` divides, so that dead letters have to be right as well. */
import { definePlugin, param } from "distributed-system";

export default definePlugin({
  info: { name: "chaos-unwanted", version: "1.0.0", description: "rejects some orders" },
  params: { one_in: param.integer("an order whose id this divides is rejected", { default: 997, min: 1 }) },
  init() {},
  processBatch(batch, { params }) {
    const ids = batch.column("order_id")?.numbers();
    if (ids === undefined) return;
    for (let row = 0; row < batch.length; row++) {
      if (ids[row]! % params.one_in === 0) batch.reject(row, "unwanted");
    }
  },
  cleanup() {},
});

/** Second stage of the benchmark: `total = amount * quantity`. NaN, where a record lacks one of them, adds no field. */
import { definePlugin } from "distributed-system";

export default definePlugin({
  info: { name: "bench-total", version: "1.0.0", description: "adds amount times quantity" },
  params: {},
  init() {},
  processBatch(batch) {
    const amounts = batch.column("amount")?.numbers();
    const quantities = batch.column("quantity")?.numbers();
    if (amounts === undefined || quantities === undefined) return;
    const totals = new Float64Array(batch.length);
    for (let row = 0; row < batch.length; row++) totals[row] = amounts[row]! * quantities[row]!;
    batch.addColumn("total", totals);
  },
  cleanup() {},
});

/** Stage of the chaos run: numbers what comes by, from 1. An order that comes twice, or not at all, moves all that follow. */
import { definePlugin } from "distributed-system";

let last = 0;

export default definePlugin({
  info: { name: "chaos-number", version: "1.0.0", description: "numbers records" },
  params: {},
  init() {
    last = 0;
  },
  processBatch(batch) {
    const numbers = new Float64Array(batch.length);
    for (let row = 0; row < batch.length; row++) if (batch.isLive(row)) numbers[row] = ++last;
    batch.addColumn("number", numbers);
  },
  cleanup() {},
  snapshot() {
    return last;
  },
  restore(snapshot) {
    last = snapshot as number;
  },
});

/** The stage of the scaling benchmark: does nothing but keep a processor busy for each batch. */
import { definePlugin, param } from "distributed-system";

export default definePlugin({
  info: { name: "bench-spin", version: "1.0.0", description: "keeps a processor busy" },
  params: { turns: param.integer("of a loop, for each batch", { default: 1_000_000, min: 1 }) },
  init() {},
  processBatch(_, { params }) {
    let mixed = 1;
    for (let turn = 0; turn < params.turns; turn++) mixed = Math.imul(mixed ^ (mixed >>> 15), 0x2c1b3c6d);
    if (mixed === 0) throw new Error("no such loop ends at 0");
  },
  cleanup() {},
});

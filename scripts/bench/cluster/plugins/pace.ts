/** Third stage of the chaos run: takes its time for each batch, so that the run is long enough to be disturbed often. */
import { definePlugin, param } from "distributed-system";

export default definePlugin({
  info: { name: "chaos-pace", version: "1.0.0", description: "waits" },
  params: { wait_ms: param.number("for each batch", { default: 0, min: 0 }) },
  init() {},
  async processBatch(_, { params }) {
    if (params.wait_ms > 0) await Bun.sleep(params.wait_ms);
  },
  cleanup() {},
});

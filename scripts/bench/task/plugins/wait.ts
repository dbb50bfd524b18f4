/** A task of a millisecond: it waits, and passes its record on. */
import { definePlugin, param } from "distributed-system";

export default definePlugin({
  info: { name: "wait", version: "1.0.0", description: "waits for a while" },
  params: { ms: param.duration("how long", { default: 1 }) },
  init() {},
  async processBatch(_batch, { params }) {
    await Bun.sleep(params.ms);
  },
  cleanup() {},
});

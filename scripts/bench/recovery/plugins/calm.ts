/** A stage that passes everything on: the bystander of the crash benchmark. */
import { definePlugin } from "distributed-system";

export default definePlugin({
  info: { name: "bench-calm", version: "1.0.0", description: "passes everything on" },
  params: {},
  init() {},
  processBatch() {},
  cleanup() {},
});

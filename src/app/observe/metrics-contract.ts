/** The contract `metrics`: the numbers of a process, as text that Prometheus reads. */
import { z } from "zod";
import { type Client, defineContract } from "../../wire/rpc/index.ts";

export const metricsContract = defineContract({
  name: "metrics",
  version: 1,
  about: "the numbers of this process, for Prometheus",
  methods: {
    text: {
      about: "all numbers at this moment, as text",
      input: z.strictObject({
        format: z.enum(["prometheus", "openmetrics"]).optional().describe("prometheus unless told otherwise"),
      }),
      output: z.object({ contentType: z.string(), text: z.string() }),
      access: "read",
      idempotent: true,
    },
  },
});

export type MetricsClient = Client<typeof metricsContract.methods>;

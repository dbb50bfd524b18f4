/** The contract `reports`: what a master's runs have done. */
import { z } from "zod";
import { defineContract } from "../../wire/rpc/index.ts";
import { REPORTS_MAX, reportLine, reportSchema } from "../../work/report/index.ts";

export const reportsContract = defineContract({
  name: "reports",
  version: 1,
  about: "reports of pipelines and task graphs that ran on the workers of a master",
  methods: {
    list: {
      about: "the reports there are, the latest begun first",
      input: z.strictObject({ limit: z.number().int().min(1).max(REPORTS_MAX).optional() }),
      output: z.object({ reports: z.array(reportLine).readonly() }),
      access: "read",
      idempotent: true,
    },
    show: {
      about: "one report, as it is stored",
      input: z.strictObject({
        report: z.string().max(300).describe("its id, a part of that, or the name of what has run"),
      }),
      output: z.object({ report: reportSchema }),
      access: "read",
      idempotent: true,
    },
  },
});

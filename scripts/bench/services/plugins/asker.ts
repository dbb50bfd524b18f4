/** Calls another service from a host of its own, as services do, and says what that took. */
import { defineService, method, z } from "distributed-system/service";
import { askAtRate, askFor } from "../../common/figures.ts";

export default defineService({
  name: "asker",
  version: "1.0.0",
  methods: {
    ask: method({
      public: true,
      input: z.object({
        data: z.string(),
        inFlight: z.int().default(1),
        /** Calls a second, instead of so many in flight. */
        rate: z.int().optional(),
        warmMs: z.int(),
        ms: z.int(),
      }),
      handler: async ({ data, inFlight, ms, rate, warmMs }, { services }) => {
        const ask = (): Promise<unknown> => services.echo!.echo!({ data });
        const run = (forMs: number) =>
          rate === undefined ? askFor(forMs, inFlight, ask) : askAtRate(forMs, rate, ask);
        await run(warmMs);
        return run(ms);
      },
    }),
  },
});

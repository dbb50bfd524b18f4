/** What everybody calls: gives back what it gets, checked on the way in and on the way out. */
import { defineService, method, z } from "distributed-system/service";

const text = z.object({ data: z.string() });

export default defineService({
  name: "echo",
  version: "1.0.0",
  methods: {
    echo: method({
      public: true,
      access: "read",
      idempotent: true,
      input: text,
      output: text,
      handler: (given) => given,
    }),
    /** The same, kept by its param: what a cache is measured with. */
    kept: method({
      public: true,
      access: "read",
      input: text,
      output: text,
      cache: { ttl: "10m", key: ["data"] },
      handler: (given) => given,
    }),
  },
});

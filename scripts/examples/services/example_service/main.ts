/** The smallest service that shows something: a greeting, a call of another service, and a stream. */
import { defineService, method, z } from "distributed-system/service";

export default defineService({
  name: "example_service",
  version: "1.0.0",
  about: "greets, asks the service users for names, counts",
  tags: ["example"],
  methods: {
    hello: method({
      about: "greets somebody by name",
      public: true,
      access: "read",
      idempotent: true,
      http: "GET /hello/:name",
      input: z.object({ name: z.string().max(100).default("World") }),
      output: z.object({ message: z.string(), service: z.string(), timestamp: z.iso.datetime() }),
      handler: ({ name }, { service }) => ({
        message: `Hello, ${name}!`,
        service: service.name,
        timestamp: new Date().toISOString(),
      }),
    }),

    greetUser: method({
      about: "greets a user of the service users, wherever that runs",
      public: true,
      access: "read",
      idempotent: true,
      input: z.object({ id: z.int() }),
      handler: async ({ id }, { services }) => {
        const user = await services.users!.get!<{ readonly name: string }>({ id }, { timeout: "2s" });
        return { message: `Hello, ${user.name}!` };
      },
    }),

    count: method({
      about: "counts, one item at a time, as fast as they are taken",
      public: true,
      access: "read",
      stream: true,
      input: z.object({ to: z.int().min(0).max(1_000_000).default(10) }),
      handler: async function* ({ to }, { signal }) {
        for (let n = 1; n <= to && !signal.aborted; n++) yield { n };
      },
    }),

    /** Without `method` it is for other services and nodes: nobody from outside can call it. */
    ping: () => ({ pid: process.pid }),
  },
});

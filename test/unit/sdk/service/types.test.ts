import { describe, expect, test } from "bun:test";
import { type CallContext, defineService, method, type ServiceClient, z } from "distributed-system/service";

const users = defineService({
  name: "users",
  version: "1.0.0",
  methods: {
    get: method({
      input: z.object({ id: z.number(), full: z.boolean().default(false) }),
      output: z.object({ id: z.number(), name: z.string() }),
      handler({ full, id }, ctx) {
        const isFull: boolean = full;
        return { id, name: `${ctx.node}${isFull}` };
      },
    }),
    ticks: method({
      stream: true,
      input: z.object({ symbol: z.string() }),
      output: z.object({ price: z.number() }),
      async *handler({ symbol }) {
        yield { price: symbol.length };
      },
    }),
    free: method({ handler: (params) => Object.keys(params) }),
    echo: (params: { readonly text: string }, ctx: CallContext) => `${ctx.caller.name}: ${params.text}`,
    async relay(params: { readonly text: string }, ctx) {
      const back: string = await ctx.services.users!.echo!<string>(params);
      return back;
    },
  },
});

describe("defineService()", () => {
  test("defineService() infers params and results from the schemas when methods are made by method", () => {
    type Client = ServiceClient<typeof users>;
    const call = (client: Client) => client.get({ id: 1 });
    const answer: ReturnType<typeof call> = Promise.resolve({ id: 1, name: "a" });
    // @ts-expect-error id is a number
    const wrong = (client: Client) => client.get({ id: "1" });
    const handlers = [users.methods.get.handler, call, wrong, answer];
    expect(handlers).toHaveLength(4);
  });

  test("method() refuses results that its schema does not allow when types are checked", () => {
    const wrong = method({
      output: z.object({ id: z.number() }),
      // @ts-expect-error id is a number
      handler: () => ({ id: "one" }),
    });
    expect(wrong.handler({}, {} as CallContext)).toEqual({ id: "one" } as never);
  });

  test("defineService() stamps the contract's version when it is given a definition", () => {
    expect(users.serviceApi).toBe(1);
    expect(Object.keys(users.methods)).toEqual(["get", "ticks", "free", "echo", "relay"]);
  });
});

/** Service contracts over links. */
import { describe, expect, test } from "bun:test";
import { z } from "zod";
import { systemClock } from "../../../../src/base/clock.ts";
import { linkTransport, RPC_TOPIC, rpcHandler } from "../../../../src/wire/link/index.ts";
import {
  type CallContext,
  type Caller,
  createClient,
  Dispatcher,
  defineContract,
  implement,
} from "../../../../src/wire/rpc/index.ts";
import { until } from "../../../support/until.ts";
import { GUEST, OWNER, openShop, shop } from "../rpc/support.ts";
import { failureOf, openNode } from "./support.ts";

const clock = systemClock;

const inner = defineContract({
  name: "inner",
  version: 1,
  about: "for nodes alone",
  methods: { who: { about: "who asks", input: z.object({}), output: z.string(), access: "node" } },
});

function innerDispatcher(): Dispatcher {
  return new Dispatcher([implement(inner, { who: (_, { caller }) => `${caller.name} ${caller.access}` })], { clock });
}

describe("linkTransport() and rpcHandler()", () => {
  test("a client calls a contract over a link, by link and by address", async () => {
    const { dispatcher } = openShop();
    await using a = openNode("a");
    await using b = openNode("b", { handlers: { [RPC_TOPIC]: rpcHandler(dispatcher) } });
    const byLink = createClient(shop, linkTransport(await a.dial(b)), { clock });
    const byAddress = createClient(shop, linkTransport(a.pool(), b.address), { clock });
    expect(await byLink.price({ thing: "tea", pieces: 2 })).toEqual({ total: 6 });
    expect(await byAddress.price({ thing: "tea" })).toEqual({ total: 3 });
  });

  test("a failure crosses with code, message, data and retryable, a defect as rpc.defect", async () => {
    const { dispatcher } = openShop();
    await using a = openNode("a");
    await using b = openNode("b", { handlers: { [RPC_TOPIC]: rpcHandler(dispatcher) } });
    const client = createClient(shop, linkTransport(await a.dial(b)), { clock });
    const failure = await failureOf(client.break({ how: "failure" }));
    const { code, message, data, retryable } = failure;
    expect({ code, message, data, retryable }).toEqual({
      code: "shop.closed",
      message: "closed on Sundays",
      data: { day: 7 },
      retryable: true,
    });
    expect((await failureOf(client.break({ how: "bug" }))).code).toBe("rpc.defect");
    expect((await failureOf(client.price({ thing: "" }))).code).toBe("rpc.invalid_input");
  });

  test("the caller is the peer, with a node's access; others are refused what is for nodes", async () => {
    const dispatcher = innerDispatcher();
    await using a = openNode("a");
    await using b = openNode("b", { handlers: { [RPC_TOPIC]: rpcHandler(dispatcher) } });
    expect(await createClient(inner, linkTransport(await a.dial(b)), { clock }).who({})).toBe("a node");
    const ask = (caller: Caller) => dispatcher.call({ contract: "inner", method: "who", input: {}, caller });
    for (const caller of [OWNER, GUEST]) {
      expect(await ask(caller)).toMatchObject({ ok: false, failure: { code: "rpc.forbidden" } });
    }
  });

  test("a caller that gives up aborts the method's signal at the other node", async () => {
    const { dispatcher, waiting } = openShop();
    await using a = openNode("a");
    await using b = openNode("b", { handlers: { [RPC_TOPIC]: rpcHandler(dispatcher) } });
    const client = createClient(shop, linkTransport(await a.dial(b)), { clock });
    const end = new AbortController();
    const answer = failureOf(client.wait({}, { signal: end.signal }));
    await until("the call", () => waiting.length === 1);
    end.abort();
    expect((await answer).code).toBe("rpc.cancelled");
    await until("the method's signal", () => waiting[0]!.aborted);
  });

  test("a call brings its traceparent to the method, over a link and by address, and none when it has not the form", async () => {
    const trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    const told: unknown[] = [];
    const who = (_: unknown, { traceparent }: CallContext): string => {
      told.push(traceparent);
      return "";
    };
    const dispatcher = new Dispatcher([implement(inner, { who })], { clock });
    await using a = openNode("a");
    await using b = openNode("b", { handlers: { [RPC_TOPIC]: rpcHandler(dispatcher) } });
    const link = await a.dial(b);
    for (const transport of [linkTransport(link), linkTransport(a.pool(), b.address)]) {
      const client = createClient(inner, transport, { clock });
      for (const traceparent of [trace, "00-odd", "x".repeat(300)]) await client.who({}, { traceparent });
    }
    await link.request(RPC_TOPIC, { contract: "inner", method: "who", input: {} }, { traceparent: "00-odd" });
    expect(told).toEqual([trace, undefined, undefined, trace, undefined, undefined, undefined]);
  });

  test("linkTransport() calls nobody else than the node that is named", async () => {
    const { dispatcher } = openShop();
    await using a = openNode("a");
    await using b = openNode("b", { handlers: { [RPC_TOPIC]: rpcHandler(dispatcher) } });
    const pool = a.pool();
    const clientOf = (id: string) => createClient(shop, linkTransport(pool, { ...b.address, id }), { clock });
    expect((await failureOf(clientOf("c").price({ thing: "tea" }))).code).toBe("link.wrong_peer");
    expect(await clientOf("b").price({ thing: "tea" })).toEqual({ total: 3 });
  });

  test("a call with odd input fails alone, and what a method gives that cannot be sent does as well", async () => {
    const { dispatcher } = openShop();
    const odd = defineContract({
      name: "inner",
      version: 1,
      about: "gives what cannot be sent",
      methods: { who: { about: "odd", input: z.any(), output: z.any(), access: "node" } },
    });
    const service = implement(odd, { who: () => new Float64Array(2) });
    await using a = openNode("a");
    await using b = openNode("b", { handlers: { [RPC_TOPIC]: rpcHandler(new Dispatcher([service], { clock })) } });
    await using c = openNode("c", { handlers: { [RPC_TOPIC]: rpcHandler(dispatcher) } });
    const link = await a.dial(b);
    const client = createClient(odd, linkTransport(link), { clock });
    for (const input of [1, new Float64Array(2), { at: new Date(Number.NaN) }]) {
      expect((await failureOf(client.who(input))).code).toBe("link.unencodable");
    }
    expect(link.isOpen).toBe(true);
    const text = "x".repeat(1_200_000);
    const price = createClient(shop, linkTransport(await a.dial(c)), { clock }).price;
    expect(await price({ thing: text })).toEqual({ total: text.length });
  });

  test("a call that names no method is refused with rpc.bad_request", async () => {
    await using a = openNode("a");
    await using b = openNode("b", { handlers: { [RPC_TOPIC]: rpcHandler(innerDispatcher()) } });
    const link = await a.dial(b);
    for (const payload of [null, 7, {}, { contract: "inner" }, { contract: "inner", method: "who", version: "1" }]) {
      expect((await failureOf(link.request(RPC_TOPIC, payload))).code).toBe("rpc.bad_request");
    }
  });
});

describe("deadlines of calls over links", () => {
  test("a call ends with rpc.deadline_exceeded at its deadline, by link and by address, and so does the method's signal", async () => {
    const { dispatcher, waiting } = openShop();
    await using a = openNode("a");
    await using b = openNode("b", { handlers: { [RPC_TOPIC]: rpcHandler(dispatcher) } });
    const transports = [linkTransport(await a.dial(b)), linkTransport(a.pool(), b.address)];
    for (const [index, transport] of transports.entries()) {
      const client = createClient(shop, transport, { clock });
      const failure = await failureOf(client.wait({}, { timeoutMs: 30 }));
      expect([failure.code, failure.message]).toEqual(["rpc.deadline_exceeded", "shop.wait: no answer within 30 ms"]);
      await until("the method's signal", () => waiting[index]?.aborted);
    }
  });

  test("a call fails with link.closed when its link is gone, and with rpc.cancelled when it was given up before", async () => {
    const { dispatcher } = openShop();
    await using a = openNode("a");
    await using b = openNode("b", { handlers: { [RPC_TOPIC]: rpcHandler(dispatcher) } });
    const link = await a.dial(b);
    const client = createClient(shop, linkTransport(link), { clock });
    expect((await failureOf(client.price({ thing: "tea" }, { signal: AbortSignal.abort() }))).code).toBe(
      "rpc.cancelled",
    );
    await link.close();
    expect(await failureOf(client.price({ thing: "tea" }))).toMatchObject({ code: "link.closed", retryable: true });
  });
});

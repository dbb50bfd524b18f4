import { expect, test } from "bun:test";
import { z } from "zod";
import { Masters, type MastersPorts } from "../../../../src/app/front/forwarded.ts";
import { systemClock } from "../../../../src/base/clock.ts";
import { Failure } from "../../../../src/base/errors.ts";
import { Dispatcher, defineContract, implement } from "../../../../src/wire/rpc/index.ts";

const look = {
  about: "looks",
  input: z.strictObject({}),
  output: z.string(),
  access: "read",
  idempotent: true,
} as const;
const shop = defineContract({
  name: "shop",
  version: 1,
  about: "for tests",
  methods: { look, buy: { ...look, about: "buys", access: "operate", idempotent: false } },
});

type Answer = string | Failure;

/** Masters that are asked in order, and what each does with a request. */
function masters(...answers: readonly Answer[]) {
  const asked: string[] = [];
  const members = answers.map((_, at) => ({
    id: `m${at}`,
    address: { host: "127.0.0.1", port: at + 1 },
    state: "alive",
    meta: { roles: ["master"] },
  }));
  const byId = (id: string) => ({
    isOpen: true,
    async request() {
      asked.push(id);
      const answer = answers[Number(id.slice(1))]!;
      if (answer instanceof Failure) throw answer;
      return answer;
    },
  });
  const ports = { membership: { members: () => members }, links: { byId } } as unknown as MastersPorts; // what is used of both
  return { asked, ports };
}

async function call(ports: MastersPorts, method: string, own: Parameters<Masters["services"]>[1] = []) {
  const dispatcher = new Dispatcher(new Masters(ports).services([shop], own), { clock: systemClock });
  return dispatcher.call({ contract: "shop", method, input: {}, caller: { name: "test", access: "operate" } });
}

const refused = new Failure("link.refused", "nobody there", { retryable: true });
const broken = new Failure("link.closed", "broke", { retryable: true });

test("services() passes a call on to a master, and to the next one when the first was not reached", async () => {
  const { asked, ports } = masters(refused, "tea");
  expect(await call(ports, "buy")).toEqual({ ok: true, output: "tea" });
  expect(asked).toEqual(["m0", "m1"]);
});

test("services() asks again after a break only what may be asked twice", async () => {
  const first = masters(broken, "tea");
  expect(await call(first.ports, "look")).toEqual({ ok: true, output: "tea" });
  const second = masters(broken, "tea");
  expect(await call(second.ports, "buy")).toMatchObject({ ok: false, failure: { code: "link.closed" } });
  expect(second.asked).toEqual(["m0"]);
});

test("services() tells a master's own refusal, and asks nobody else", async () => {
  const { asked, ports } = masters(new Failure("shop.closed", "come back tomorrow"), "tea");
  expect(await call(ports, "look")).toMatchObject({ ok: false, failure: { code: "shop.closed" } });
  expect(asked).toEqual(["m0"]);
});

test("services() answers by itself where there is no master, when it can", async () => {
  const { ports } = masters();
  expect(await call(ports, "look")).toMatchObject({ ok: false, failure: { code: "master.none", retryable: true } });
  const own = implement(shop, { look: () => "own", buy: () => "own" });
  expect(await call(ports, "look", [own])).toEqual({ ok: true, output: "own" });
  const there = masters("tea");
  expect(await call(there.ports, "look", [own])).toEqual({ ok: true, output: "tea" });
});

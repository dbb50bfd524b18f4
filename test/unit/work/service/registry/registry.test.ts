/** The exchange of offers: told at once, healed by digests, and true for everybody in the end. */
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { DIGEST_INTERVAL_MS } from "../../../../../src/work/service/registry/index.ts";
import { bytesOf, offerOf, serviceOf } from "../fakes.ts";
import { Net, NetNode } from "./net.ts";

const USERS = offerOf(serviceOf("users"));
const ORDERS = offerOf(serviceOf("orders", "2.0.0"));
const DOWN = offerOf(serviceOf("users"), 0);

/** Nodes that know each other. */
function netOf(...ids: readonly string[]): { readonly net: Net; readonly nodes: readonly NetNode[] } {
  const net = new Net(1);
  const nodes = ids.map((id) => net.start(id));
  for (const node of nodes) for (const id of ids) if (id !== node.id) node.hears(id, true);
  return { net, nodes };
}

describe("ServiceRegistry", () => {
  test("start() tells members what is offered here, and each change, once for all changes of a turn", async () => {
    const { net, nodes } = netOf("a", "b");
    const [a, b] = nodes as [NetNode, NetNode];
    b.local.set(USERS);
    await net.quiet();
    expect(a.callable()).toEqual(["b users@1.0.0"]);
    const { taken } = a.registry.counts();
    b.local.set(USERS, ORDERS);
    b.local.set(ORDERS);
    b.local.set(USERS, ORDERS);
    expect(b.callable()).toEqual(["b orders@2.0.0", "b users@1.0.0"]);
    await net.quiet();
    expect(a.callable()).toEqual(["b orders@2.0.0", "b users@1.0.0"]);
    expect(a.registry.counts().taken).toBe(taken + 1);
  });

  test("a service that dies is not callable anywhere as soon as one message is delivered", async () => {
    const { net, nodes } = netOf("a", "b");
    const [a, b] = nodes as [NetNode, NetNode];
    b.local.set(USERS);
    await net.quiet();
    b.local.set(DOWN);
    await Bun.sleep(0);
    net.deliver();
    expect(a.callable()).toEqual([]);
    expect(a.registry.catalogue.route("users")?.description.name).toBe("users");
  });

  test("a node that is given up is forgotten at once, though its link stands; back again it is asked", async () => {
    const { net, nodes } = netOf("a", "b");
    const [a, b] = nodes as [NetNode, NetNode];
    b.local.set(USERS);
    await net.quiet();
    a.hears("b", false);
    expect(a.registry.catalogue.list()).toEqual([]);
    b.local.set(USERS, ORDERS);
    await net.quiet();
    expect(a.callable()).toEqual([]);
    a.hears("b", true);
    await net.quiet();
    expect(a.callable()).toEqual(["b orders@2.0.0", "b users@1.0.0"]);
  });

  test("a broken link makes its node not callable until it is open again", async () => {
    const { net, nodes } = netOf("a", "b");
    const [a, b] = nodes as [NetNode, NetNode];
    b.local.set(USERS);
    await net.quiet();
    net.isSplit = true;
    net.cut(a, "b");
    await net.quiet();
    expect(a.callable()).toEqual([]);
    net.isSplit = false;
    net.clock.advance(DIGEST_INTERVAL_MS);
    await net.quiet();
    expect(a.callable()).toEqual(["b users@1.0.0"]);
  });

  test("a node that is down is dialed again after growing pauses, and no more once it is given up", async () => {
    const { net, nodes } = netOf("a", "b");
    const [a, b] = nodes as [NetNode, NetNode];
    b.local.set(USERS);
    await net.quiet();
    net.kill("b");
    await net.quiet();
    expect(a.callable()).toEqual([]);
    expect(net.clock.timers).toBe(2); // the digest and the next dial
    a.hears("b", false);
    expect(net.clock.timers).toBe(1);
  });

  test("a node that starts anew and offers nothing is not called for what it offered before", async () => {
    const { net, nodes } = netOf("a", "b");
    const [a, b] = nodes as [NetNode, NetNode];
    b.local.set(USERS);
    a.local.set(ORDERS);
    await net.quiet();
    net.kill("b");
    const again = net.start("b");
    again.hears("a", true);
    await net.quiet();
    net.clock.advance(DIGEST_INTERVAL_MS);
    await net.quiet();
    expect(a.callable()).toEqual(["a orders@2.0.0"]);
    expect(again.callable()).toEqual(["a orders@2.0.0"]);
  });

  test("a node is believed again after an earlier life of it has woken up and gone", async () => {
    const { net, nodes } = netOf("a", "b");
    const [a, early] = nodes as [NetNode, NetNode];
    early.local.set(USERS);
    await net.quiet();
    const late = new NetNode(net, "b", 9);
    late.registry.start();
    for (const [node, offers] of [
      [late, [USERS, ORDERS]],
      [early, [ORDERS]],
      [late, [USERS]],
    ] as const) {
      net.wake(node);
      node.hears("a", true);
      node.local.set(...offers);
      await net.quiet();
      net.clock.advance(DIGEST_INTERVAL_MS);
      await net.quiet();
      expect(a.callable()).toEqual(node.callable());
    }
    expect(a.callable()).toEqual(["b users@1.0.0"]);
  });

  test("a word that was lost is noticed by the next digest, and asked for", async () => {
    const { net, nodes } = netOf("a", "b");
    const [a, b] = nodes as [NetNode, NetNode];
    b.local.set(USERS);
    await net.quiet();
    net.fullShare = 1;
    b.local.set(USERS, ORDERS);
    await net.quiet();
    expect(a.callable()).toEqual(["b users@1.0.0"]);
    net.fullShare = 0;
    net.clock.advance(DIGEST_INTERVAL_MS);
    await net.quiet();
    expect(a.callable()).toEqual(["b orders@2.0.0", "b users@1.0.0"]);
    expect(a.registry.counts().asked).toBeGreaterThan(0);
  });

  test("nodes that offer nothing open no links", async () => {
    const { net, nodes } = netOf("a", "b");
    const [a, b] = nodes as [NetNode, NetNode];
    a.local.set();
    net.clock.advance(3 * DIGEST_INTERVAL_MS);
    await net.quiet();
    expect([a.links.size, b.links.size]).toEqual([0, 0]);
  });

  test("what is malformed is refused, counted and told, and what was known stays", async () => {
    const { net, nodes } = netOf("a", "b");
    const [a, b] = nodes as [NetNode, NetNode];
    b.local.set(USERS);
    await net.quiet();
    const link = b.links.get("a")!;
    const lie = bytesOf({ node: "c", instance: "x", revision: 1, services: [{ healthy: "many" }] });
    for (const payload of [["offers", lie], ["offers", 7], ["digest", 1, 2], ["other"], null, "x"])
      link.notify("service/offers", payload);
    await net.quiet();
    expect(a.registry.counts().refused).toBe(6);
    expect(a.warnings.join("\n")).toContain("the offers of node b are not taken: services.0");
    expect(a.callable()).toEqual(["b users@1.0.0"]);
  });

  test("a service that others would refuse is left out here, told once, and harms no other one", async () => {
    const { net, nodes } = netOf("a", "b");
    const [a, b] = nodes as [NetNode, NetNode];
    const odd = offerOf(serviceOf("odd.name"));
    b.local.set(USERS, odd);
    b.local.set(USERS, odd, ORDERS);
    await net.quiet();
    expect(a.callable()).toEqual(["b orders@2.0.0", "b users@1.0.0"]);
    expect(b.warnings).toHaveLength(1);
    expect(b.warnings[0]).toContain("odd.name@1.0.0 is not offered");
  });

  test("after the last message everybody knows what is, and nobody what is gone, whatever has happened", async () => {
    const ids = ["a", "b", "c"] as const;
    const id = fc.constantFrom(...ids);
    const step = fc.oneof(
      fc.record({ kind: fc.constant("offer" as const), id, offers: fc.subarray([USERS, ORDERS]) }),
      fc.record({ kind: fc.constantFrom("kill" as const, "start" as const, "die" as const), id }),
      fc.record({ kind: fc.constantFrom("cut" as const, "doubt" as const, "trust" as const), id, other: id }),
      fc.record({ kind: fc.constant("run" as const), messages: fc.integer({ min: 1, max: 6 }) }),
      fc.record({ kind: fc.constant("wait" as const), ms: fc.integer({ min: 50, max: 12_000 }) }),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 30 }), fc.nat(), async (steps, seed) => {
        const net = new Net(seed);
        for (const each of ids) net.start(each);
        net.fullShare = 0.2;
        for (const each of steps) {
          const node = "id" in each ? net.nodes.get(each.id) : undefined;
          if (each.kind === "offer") node?.local.set(...each.offers);
          else if (each.kind === "die") node?.local.set(DOWN);
          else if (each.kind === "kill") net.kill(each.id);
          else if (each.kind === "start" && !node) net.start(each.id);
          else if (each.kind === "cut" && node) net.cut(node, each.other);
          else if (each.kind === "doubt" && each.id !== each.other) node?.hears(each.other, false);
          else if (each.kind === "trust" && each.id !== each.other) node?.hears(each.other, true);
          else if (each.kind === "wait") net.clock.advance(each.ms);
          else if (each.kind === "run") for (let left = each.messages; left > 0; left--) net.deliver();
          await Bun.sleep(0);
        }
        net.fullShare = 0;
        for (const node of net.nodes.values())
          for (const each of ids) if (each !== node.id) node.hears(each, net.nodes.has(each));
        for (let round = 0; round < 3; round++) {
          await net.quiet();
          net.clock.advance(DIGEST_INTERVAL_MS);
        }
        await net.quiet();
        const truth = [...net.nodes.values()]
          .flatMap(({ id: node, local }) =>
            local
              .offers()
              .filter(({ healthy }) => healthy > 0)
              .map(({ description: { name, version } }) => `${node} ${name}@${version}`),
          )
          .toSorted();
        for (const node of net.nodes.values()) expect([node.id, node.callable()]).toEqual([node.id, truth]);
      }),
      { numRuns: 150 },
    );
  });
});

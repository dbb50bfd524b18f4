/** Caches of several nodes over a network that loses messages. */
import { describe, expect, test } from "bun:test";
import { InvalidationNews, type Others } from "../../../../src/app/cache/invalidation-news.ts";
import type { Invalidation } from "../../../../src/data/cache/index.ts";
import { SteppedClock } from "../../../support/stepped-clock.ts";

class Network {
  readonly clock = new SteppedClock();
  readonly nodes = new Map<string, Node>();
  /** Messages between these two get lost, both ways. */
  readonly cut = new Set<string>();

  add(id: string, instance = `${id}-1`): Node {
    const node = new Node(this, id, instance);
    this.nodes.set(id, node);
    return node;
  }

  reach(from: string, to: string): Node {
    const node = this.nodes.get(to);
    if (!node || this.cut.has(`${from} ${to}`) || this.cut.has(`${to} ${from}`)) throw new Error("not reached");
    return node;
  }
}

class Node {
  readonly heard: string[] = [];
  readonly forgot: string[] = [];
  readonly news: InvalidationNews;
  readonly #id: string;
  #count = 0;

  constructor(network: Network, id: string, instance: string) {
    this.#id = id;
    this.news = new InvalidationNews({ clock: network.clock, instance, debug: () => {} });
    const others: Others = {
      nodes: () => [...network.nodes.keys()].filter((each) => each !== id),
      isMember: (node) => network.nodes.has(node),
      notify: async (to, payload) => network.reach(id, to).news.take(id, structuredClone(payload)),
      ask: async (to, payload) => structuredClone(network.reach(id, to).news.answer(payload)),
    };
    const cache = {
      hear: async ({ id: each }: Invalidation) => void this.heard.push(each),
      forgetAll: async ({ isHereOnly = false } = {}) => void this.forgot.push(isHereOnly ? "memory" : "everything"),
    };
    this.news.follow(cache, others);
  }

  invalidate(count = 1): void {
    for (let at = 0; at < count; at++) this.news.tell({ id: `${this.#id}${++this.#count}`, keys: ["k"], tags: [] });
  }
}

function turn(): Promise<void> {
  return new Promise((resolve) => void setImmediate(resolve));
}

describe("InvalidationNews", () => {
  test("tell() reaches every node, once", async () => {
    const network = new Network();
    const [a, b, c] = [network.add("a"), network.add("b"), network.add("c")];
    a.invalidate(3);
    await turn();
    expect([a.heard, b.heard, c.heard]).toEqual([[], ["a1", "a2", "a3"], ["a1", "a2", "a3"]]);
    expect(b.forgot).toEqual([]);
  });

  test("take() asks for what was missed when a number is missing", async () => {
    const network = new Network();
    const [a, b] = [network.add("a"), network.add("b")];
    a.invalidate();
    await turn();
    network.cut.add("a b");
    a.invalidate(2);
    await turn();
    network.cut.clear();
    a.invalidate();
    await turn();
    expect(new Set(b.heard)).toEqual(new Set(["a1", "a2", "a3", "a4"]));
  });

  test("follow() asks everybody every five seconds, so that the last message is missed no longer than that", async () => {
    const network = new Network();
    const [a, b] = [network.add("a"), network.add("b")];
    network.cut.add("a b");
    a.invalidate(300); // more than one answer tells
    await turn();
    network.cut.clear();
    network.clock.advance(5_000);
    await turn();
    expect(b.heard.length).toBe(300);
    expect(b.forgot).toEqual([]);
    b.news.close();
    a.news.close();
    expect(network.clock.timers).toBe(0);
  });

  test("ask() drops memory when a node has another life, and everything when too much was missed", async () => {
    const network = new Network();
    const [a, b] = [network.add("a"), network.add("b")];
    a.invalidate();
    await turn();
    const reborn = network.add("a", "a-2");
    reborn.invalidate();
    await turn();
    expect(b.forgot).toEqual(["memory"]);
    network.cut.add("a b");
    reborn.invalidate(10_000);
    await turn();
    network.cut.clear();
    b.news.ask("a");
    await turn();
    expect(b.forgot).toEqual(["memory", "everything"]);
  });

  test("follow() forgets a node that is no member any more, and what may have got lost with it, once", async () => {
    const network = new Network();
    const [a, b] = [network.add("a"), network.add("b")];
    a.invalidate(2);
    await turn();
    network.cut.add("a b");
    network.clock.advance(5_000);
    expect(b.forgot).toEqual([]); // away, but a member
    network.nodes.delete("a");
    network.clock.advance(5_000);
    network.clock.advance(5_000);
    expect(b.forgot).toEqual(["memory"]);
  });

  test("take() and answer() refuse what is no news", () => {
    const node = new Network().add("a");
    for (const payload of [
      undefined,
      {},
      { id: "1", keys: "k", tags: [], instance: "i", seq: 1 },
      { id: "1", keys: [""], tags: [] },
    ]) {
      expect(() => node.news.take("b", payload)).toThrow(/^news of the cache: /);
    }
    expect(() => node.news.answer(7)).toThrow(/^news of the cache: /);
    expect(node.heard).toEqual([]);
  });
});

import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { GossipQueue } from "../../../../src/protocol/swim/gossip-queue.ts";
import type { Member, Update } from "../../../../src/protocol/swim/index.ts";

const SIZES: Readonly<Record<string, number>> = { a: 10, b: 20, c: 30, d: 40, huge: 1_000 };

function updateOf(id: string, incarnation = 0): Update {
  const meta = { name: "", roles: [], capacities: {}, labels: {} };
  const member: Member = { id, address: { host: "h", port: 1 }, bornMs: 0, meta, incarnation, state: "alive" };
  return { member, by: "x" };
}

const sizeOf = ({ member }: Update): number => SIZES[member.id] ?? 25;
const idsOf = (gossip: readonly Update[]): string[] => gossip.map(({ member }) => member.id);
const queueOf = (bytesMax = 100, max = 100): GossipQueue => new GossipQueue(sizeOf, bytesMax, max);

/** The same queue as a plain list that is sorted for each message. */
class ModelQueue {
  pieces: { update: Update; transmits: number; since: number }[] = [];
  #turns = 0;

  add(update: Update, max: number, bytesMax: number): void {
    this.pieces = this.pieces.filter((each) => each.update.member.id !== update.member.id);
    if (sizeOf(update) > bytesMax) return;
    if (this.pieces.length >= max) {
      const [worst] = [...this.pieces].sort((a, b) => b.transmits - a.transmits || a.since - b.since);
      this.pieces = this.pieces.filter((each) => each !== worst);
    }
    this.pieces.push({ update, transmits: 0, since: this.#turns++ });
  }

  take(bytesMax: number, transmitsMax: number): string[] {
    const taken: string[] = [];
    let free = bytesMax;
    for (const piece of [...this.pieces].sort((a, b) => a.transmits - b.transmits || a.since - b.since)) {
      const size = sizeOf(piece.update);
      if (size > free) continue;
      free -= size;
      taken.push(piece.update.member.id);
      piece.transmits++;
      piece.since = this.#turns++;
    }
    this.pieces = this.pieces.filter((each) => each.transmits < transmitsMax);
    return taken;
  }
}

describe("GossipQueue", () => {
  test("take() gives what was sent least first when not all fits", () => {
    const queue = queueOf(50);
    queue.add(updateOf("c"));
    expect(idsOf(queue.take(3))).toEqual(["c"]);
    queue.add(updateOf("d"));
    expect(idsOf(queue.take(3))).toEqual(["d"]);
    expect(queue.size).toBe(2);
  });

  test("take() drops a piece when it was sent often enough", () => {
    const queue = queueOf();
    queue.add(updateOf("a"));
    expect([1, 2, 3].map(() => queue.take(2).length)).toEqual([1, 1, 0]);
    expect(queue.size).toBe(0);
  });

  test("add() replaces older news of the same member, and starts counting anew", () => {
    const queue = queueOf();
    queue.add(updateOf("a", 1));
    queue.take(2);
    queue.add(updateOf("a", 2));
    expect(queue.take(2)[0]?.member.incarnation).toBe(2);
    expect(queue.take(2).length).toBe(1);
  });

  test("add() drops what was sent most when the queue is full, and counts it", () => {
    const queue = queueOf(100, 2);
    queue.add(updateOf("a"));
    queue.take(9);
    queue.add(updateOf("b"));
    queue.add(updateOf("c"));
    expect(idsOf(queue.take(9))).toEqual(["b", "c"]);
    expect(queue.dropped).toBe(1);
  });

  test("add() refuses a piece that fits no message", () => {
    const queue = queueOf();
    queue.add(updateOf("huge"));
    expect([queue.size, queue.dropped]).toEqual([0, 1]);
  });

  test("take() puts the one given first ahead, once, and counts its bytes", () => {
    const queue = queueOf(70);
    for (const id of ["a", "b", "c", "d"]) queue.add(updateOf(id));
    expect(idsOf(queue.take(9, updateOf("c", 7)))).toEqual(["c", "a", "b"]);
  });

  test("take() behaves as a list sorted for each message when driven at random", () => {
    const action = fc.oneof(
      fc.constantFrom("a", "b", "c", "d", "e", "f", "huge").map((id) => ({ id })),
      fc.constant({ id: undefined }),
    );
    fc.assert(
      fc.property(fc.array(action, { maxLength: 60 }), fc.integer({ min: 1, max: 5 }), (actions, transmitsMax) => {
        const queue = queueOf(60, 4);
        const model = new ModelQueue();
        for (const { id } of actions) {
          if (id !== undefined) {
            queue.add(updateOf(id));
            model.add(updateOf(id), 4, 60);
          } else expect(idsOf(queue.take(transmitsMax))).toEqual(model.take(60, transmitsMax));
          expect(queue.size).toBe(model.pieces.length);
        }
      }),
    );
  });
});

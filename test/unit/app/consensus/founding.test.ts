import { describe, expect, test } from "bun:test";
import { BEGINNING_TOPIC, type Beginning, Founding } from "../../../../src/app/consensus/founding.ts";
import type { PeerLink } from "../../../../src/wire/link/index.ts";
import { SteppedClock } from "../../../support/stepped-clock.ts";

/** Masters that ask each other; each has another instance in each life. */
class Masters {
  readonly clock = new SteppedClock();
  readonly own = new Map<string, Beginning>();
  readonly away = new Set<string>();
  readonly #foundings = new Map<string, Founding>();
  readonly #instances = new Map<string, number>();

  start(id: string, own: Beginning): Founding {
    this.own.set(id, own);
    this.#instances.set(id, (this.#instances.get(id) ?? 0) + 1);
    const founding = new Founding({
      clock: this.clock,
      logger: { info: () => {}, debug: () => {} } as never, // all that is said to it
      link: (to) => this.#link(id, to),
      own: () => this.own.get(id)!,
    });
    this.#foundings.set(id, founding);
    return founding;
  }

  async pass(): Promise<void> {
    for (let turns = 0; turns < 20; turns++) {
      this.clock.advance(100);
      for (let ticks = 0; ticks < 8; ticks++) await Promise.resolve();
    }
  }

  #link(from: string, to: string): PeerLink | undefined {
    if (this.away.has(to) || !this.#foundings.has(to)) return undefined;
    const peer = (id: string) => ({ id, instance: `${this.#instances.get(id)}`, address: undefined });
    const request = async (_: string, payload: unknown): Promise<unknown> =>
      this.#foundings.get(to)!.handlers[BEGINNING_TOPIC]!.request!(payload, { peer: peer(from) } as never);
    return { isOpen: true, peer: peer(to), request } as unknown as PeerLink; // what is used of one
  }
}

const never = new AbortController().signal;
const others = (id: string): string[] => ["a", "b", "c"].filter((each) => each !== id);

function outcome(promise: Promise<void>): { state: string } {
  const seen = { state: "waits" };
  promise.then(
    () => (seen.state = "begins"),
    (thrown: { code: string }) => (seen.state = thrown.code),
  );
  return seen;
}

describe("Founding", () => {
  test("begin() waits until all others are there", async () => {
    const masters = new Masters();
    const a = outcome(masters.start("a", "empty").begin("main", others("a"), never));
    masters.start("b", "empty");
    await masters.pass();
    expect(a.state).toBe("waits");
    masters.start("c", "opening");
    await masters.pass();
    expect(a.state).toBe("waits");
    masters.own.set("c", "empty");
    await masters.pass();
    expect(a.state).toBe("begins");
  });

  test("begin() lets a slow one begin when the others, who have asked it, lead already", async () => {
    const masters = new Masters();
    const [a, b, c] = ["a", "b", "c"].map((id) => masters.start(id, "empty"));
    for (const [id, founding] of [
      ["a", a],
      ["b", b],
    ] as const)
      outcome(founding!.begin("main", others(id), never));
    await masters.pass();
    masters.own.set("a", "begun");
    masters.own.set("b", "begun");
    const slow = outcome(c!.begin("main", others("c"), never));
    await masters.pass();
    expect(slow.state).toBe("begins");
  });

  test("begin() refuses a node that comes with nothing to a group that has begun, also when others are away", async () => {
    const masters = new Masters();
    masters.start("a", "begun");
    masters.away.add("b");
    const wiped = outcome(masters.start("c", "empty").begin("main", others("c"), never));
    await masters.pass();
    expect(wiped.state).toBe("consensus.begun_before");
  });

  test("begin() refuses the next life of one that was there at the beginning and has lost everything", async () => {
    const masters = new Masters();
    const [a, , c] = ["a", "b", "c"].map((id) => masters.start(id, "empty"));
    outcome(a!.begin("main", others("a"), never));
    const first = outcome(c!.begin("main", others("c"), never));
    await masters.pass();
    expect(first.state).toBe("begins");
    masters.own.set("a", "begun");
    const again = outcome(masters.start("c", "empty").begin("main", others("c"), never));
    await masters.pass();
    expect(again.state).toBe("consensus.begun_before");
  });
});

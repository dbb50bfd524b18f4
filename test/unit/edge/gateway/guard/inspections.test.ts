import { describe, expect, test } from "bun:test";
import {
  type Inspection,
  Inspections,
  WAITING_BYTES_MAX,
  WAITING_MAX,
} from "../../../../../src/edge/gateway/guard/inspections.ts";
import type { Turn } from "../../../../../src/edge/waf/engine/index.ts";
import { SteppedClock } from "../../../../support/stepped-clock.ts";

const SLICES = { sliceMs: 4, shortSliceMs: 1 };

/** Needs so many milliseconds, of which each piece takes one; tells when it goes on. */
class Work implements Inspection {
  readonly client: string;
  readonly bytes: number;
  readonly #name: string;
  readonly #clock: SteppedClock;
  readonly #told: string[];
  left: number;

  constructor(name: string, ms: number, clock: SteppedClock, told: string[], bytes = 1, client = name) {
    this.client = client;
    this.bytes = bytes;
    this.#name = name;
    this.left = ms;
    this.#clock = clock;
    this.#told = told;
  }

  goOn(turn: Turn): boolean {
    const before = this.left;
    while (this.left > 0 && !turn.isOverNow()) {
      this.left -= 1;
      this.#clock.sleep(1);
    }
    this.#told.push(`${this.#name}${before - this.left}`);
    return this.left === 0;
  }
}

describe("Inspections", () => {
  test("wait() lets all who wait go on in turn, a slice each, and others run in between", () => {
    const clock = new SteppedClock();
    const told: string[] = [];
    const inspections = new Inspections(clock, SLICES);
    for (const [name, ms] of [["a", 10], ["b", 1], ["c", 5], ["d", 2]] as const) // biome-ignore format: a table
      expect(inspections.wait(new Work(name, ms, clock, told))).toBe(true);
    expect([told, inspections.waiting, inspections.bytes, clock.timers]).toEqual([[], 4, 4, 1]);
    const turns: string[][] = [];
    while (clock.timers > 0) {
      const from = told.length;
      const before = clock.monotonic();
      fireOnce(clock);
      turns.push(told.slice(from));
      expect(clock.monotonic() - before).toBeLessThanOrEqual(SLICES.sliceMs);
    }
    expect(turns).toEqual([["a4"], ["b1", "c3"], ["d2", "a2"], ["c2", "a2"], ["a2"]]);
    expect([inspections.waiting, inspections.bytes]).toEqual([0, 0]);
  });

  test("firstTurn() is shorter while others wait", () => {
    const clock = new SteppedClock();
    const inspections = new Inspections(clock, SLICES);
    const lasts = (): number => {
      const turn = inspections.firstTurn();
      for (let ms = 0; ; ms += 1) {
        if (turn.isOverNow()) return ms;
        clock.sleep(1);
      }
    };
    expect(lasts()).toBe(4);
    const waiting = new Work("a", 1, clock, []);
    inspections.wait(waiting);
    expect(lasts()).toBe(1);
    inspections.drop(waiting);
    expect(lasts()).toBe(4);
  });

  test("wait() takes no more than so many and so many bytes, but always one alone", () => {
    const clock = new SteppedClock();
    let clients = 0;
    const work = (bytes: number) => new Work("x", 1, clock, [], bytes, `192.0.2.${++clients}`);
    const many = new Inspections(clock);
    for (let at = 0; at < WAITING_MAX; at += 1) expect(many.wait(work(0))).toBe(true);
    expect(many.wait(work(0))).toBe(false);
    const large = new Inspections(clock);
    const first = work(WAITING_BYTES_MAX + 1);
    expect([large.wait(first), large.wait(work(0)), large.bytes]).toEqual([true, false, WAITING_BYTES_MAX + 1]);
    large.drop(first);
    expect([large.wait(work(WAITING_BYTES_MAX)), large.wait(work(1)), large.wait(work(0))]).toEqual([
      true,
      false,
      true,
    ]);
  });

  test("wait() takes no more than a quarter of one client, an IPv6 network being one, but always one of it, and others go on", () => {
    const clock = new SteppedClock();
    const inspections = new Inspections(clock, { waitingMax: 8, bytesMax: 80 });
    const wait = (client: string, bytes: number): boolean =>
      inspections.wait(new Work("x", 1, clock, [], bytes, client));
    expect([wait("2001:db8::1", 1), wait("2001:db8::2", 1), wait("2001:db8::3", 1)]).toEqual([true, true, false]);
    expect([wait("192.0.2.1", 30), wait("192.0.2.1", 1)]).toEqual([true, false]);
    expect([wait("192.0.2.2", 10), wait("192.0.2.2", 11), wait("192.0.2.2", 10)]).toEqual([true, false, true]);
    clock.advance(1_000);
    expect([inspections.waiting, wait("2001:db8::3", 1)]).toEqual([0, true]);
  });

  test("wait() leaves places and bytes for others when four networks have taken all they may", () => {
    const clock = new SteppedClock();
    const inspections = new Inspections(clock);
    const wait = (client: string, bytes: number): boolean =>
      inspections.wait(new Work("x", 1, clock, [], bytes, client));
    for (let network = 0; network < 4; network++) while (wait(`2001:db8:${network}::1`, 1_000));
    expect(inspections.waiting).toBe(64 + 64 + 64 + 32);
    expect(wait("192.0.2.1", 1_000)).toBe(true);
    clock.advance(60_000);
    for (let network = 0; network < 4; network++) wait(`2001:db8:${network}::1`, WAITING_BYTES_MAX / 4);
    expect(inspections.waiting).toBe(3);
    expect([wait("192.0.2.1", 64 * 1024), wait("192.0.2.1", 64 * 1024)]).toEqual([true, true]);
  });

  test("drop() takes one out, also while another one goes on, and frees its place", () => {
    const clock = new SteppedClock();
    const told: string[] = [];
    const inspections = new Inspections(clock, { ...SLICES, waitingMax: 2 });
    const dropped = new Work("dropped", 1, clock, told, 5);
    inspections.wait({
      client: "192.0.2.7",
      bytes: 3,
      goOn: () => {
        told.push("dropping");
        inspections.drop(dropped);
        inspections.drop(dropped);
        return true;
      },
    });
    inspections.wait(dropped);
    clock.advance(0);
    expect([told, inspections.waiting, inspections.bytes, clock.timers]).toEqual([["dropping"], 0, 0, 0]);
    expect([inspections.wait(new Work("a", 1, clock, told)), inspections.wait(new Work("b", 1, clock, told))]).toEqual([
      true,
      true,
    ]);
  });

  test("wait() lets the others go on when one breaks", () => {
    const clock = new SteppedClock();
    const told: string[] = [];
    const inspections = new Inspections(clock, SLICES);
    inspections.wait({
      client: "192.0.2.7",
      bytes: 1,
      goOn: () => {
        throw new Error("broken");
      },
    });
    inspections.wait(new Work("a", 1, clock, told));
    expect(() => clock.advance(0)).toThrow("broken");
    clock.advance(0);
    expect([told, inspections.waiting, inspections.bytes]).toEqual([["a1"], 0, 0]);
  });
});

/** The timer that is due, and none that it sets. */
function fireOnce(clock: SteppedClock): void {
  const { after } = clock;
  const set: (() => void)[] = [];
  clock.after = (_delayMs, callback) => {
    set.push(callback);
    return { cancel: () => undefined };
  };
  clock.advance(0);
  clock.after = after;
  for (const callback of set) clock.after(0, callback);
}

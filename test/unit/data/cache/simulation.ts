/**
 * A few nodes, one source of truth and one bad Redis, in virtual time. Each key's truth is a number that only grows. Whenever a node
 * asks, it must not get a number below what it knew to be outdated when it asked: that is the whole model.
 */
import { pause } from "../../../../src/base/clock.ts";
import { Failure } from "../../../../src/base/errors.ts";
import { type Random, seededRandom } from "../../../../src/base/random.ts";
import { Cache, type Invalidation } from "../../../../src/data/cache/index.ts";
import { FakeRedis, type Planted } from "../../../support/fake-redis.ts";
import { SteppedClock } from "../../../support/stepped-clock.ts";

const NODES = 3;
const KEYS = 6;
const STEPS = 600;
const STEP_MS_MAX = 40;
const NET_MS_MAX = 120;
const LOAD_MS_MAX = 30;

export interface Outcome {
  readonly violations: readonly string[];
  readonly answered: number;
  readonly errors: readonly unknown[];
  readonly sharedHits: number;
  /** When all was well again at the end. */
  readonly isOpen: boolean;
  readonly journal: number;
}

interface Node {
  cache: Cache;
  /** By key: what it knows to be outdated is below that. */
  readonly floors: number[];
}

export class Simulation {
  readonly #clock = new SteppedClock();
  readonly #random: Random;
  readonly #redis: FakeRedis;
  readonly #truth: number[] = Array.from({ length: KEYS }, () => 0);
  readonly #nodes: Node[];
  readonly #violations: string[] = [];
  readonly #errors: unknown[] = [];
  #answered = 0;
  #ids = 0;
  #sharedHits = 0;

  constructor(seed: number, planted?: Planted) {
    this.#random = seededRandom(seed);
    this.#redis = new FakeRedis(this.#clock, { seed: seed + 1_000_000, planted });
    this.#nodes = Array.from({ length: NODES }, (_, at) => ({
      cache: this.#open(at),
      floors: this.#truth.map(() => 0),
    }));
  }

  async run(): Promise<Outcome> {
    for (let step = 0; step < STEPS; step++) {
      this.#act();
      await this.#pass(this.#random.below(STEP_MS_MAX));
    }
    await this.#heal();
    const shared = this.#nodes.map(({ cache }) => cache.counts().shared!);
    for (const { cache } of this.#nodes) this.#retire(cache);
    return {
      violations: this.#violations,
      answered: this.#answered,
      errors: this.#errors,
      sharedHits: this.#sharedHits,
      isOpen: shared.every(({ state }) => state === "open"),
      journal: shared.reduce((sum, { journal }) => sum + journal, 0),
    };
  }

  #act(): void {
    const drawn = this.#random.next();
    if (drawn < 0.83) this.#ask(this.#random.below(NODES), this.#random.below(KEYS));
    else if (drawn < 0.95) this.#change(this.#random.below(NODES), this.#random.below(KEYS));
    else if (drawn < 0.99) this.#disturb();
    else this.#restartNode(this.#random.below(NODES));
  }

  #ask(at: number, key: number): void {
    const { cache, floors } = this.#nodes[at]!;
    const floor = floors[key]!;
    const query = { ttlMs: 5_000, tags: [tagOf(key), "all"], negativeTtlMs: 5_000 };
    cache
      .get(`key${key}`, () => this.#load(key), query)
      .then(
        (bytes) => this.#check(at, key, floor, Number(new TextDecoder().decode(bytes))),
        (thrown) => {
          if (thrown instanceof Failure && thrown.code === "source.not_found") {
            this.#check(at, key, floor, Number(thrown.data?.truth));
          } else this.#errors.push(thrown);
        },
      );
  }

  /** Every seventh truth is that there is nothing. */
  async #load(key: number): Promise<Uint8Array> {
    await pause(this.#clock, this.#random.below(LOAD_MS_MAX));
    const truth = this.#truth[key]!;
    await pause(this.#clock, this.#random.below(LOAD_MS_MAX));
    if (truth % 7 === 3) throw new Failure("source.not_found", "nothing there", { data: { truth } });
    return new TextEncoder().encode(String(truth));
  }

  #check(at: number, key: number, floor: number, value: number): void {
    this.#answered++;
    if (!(value >= floor)) this.#violations.push(`node ${at} got ${value} for key ${key} and knew of ${floor}`);
  }

  #change(at: number, key: number): void {
    this.#truth[key]!++;
    const by = this.#random.below(3);
    const what = by === 0 ? { keys: [`key${key}`] } : { tags: [by === 1 ? tagOf(key) : "all"] };
    const covered = this.#truth
      .map((_, each) => each)
      .filter((each) => by === 2 || each === key || (by === 1 && tagOf(each) === tagOf(key)));
    const known = covered.map((each) => [each, this.#truth[each]!] as const);
    this.#known = known;
    this.#learn(at, known);
    this.#nodes[at]!.cache.invalidate(what).catch((thrown) => this.#errors.push(thrown));
  }

  #known: readonly (readonly [key: number, truth: number])[] = [];

  #learn(at: number, known: readonly (readonly [number, number])[]): void {
    const { floors } = this.#nodes[at]!;
    for (const [key, truth] of known) floors[key] = Math.max(floors[key]!, truth);
  }

  #tell(from: number, invalidation: Invalidation): void {
    const known = this.#known;
    for (let at = 0; at < NODES; at++) {
      if (at === from) continue;
      this.#clock.after(this.#random.below(NET_MS_MAX), () => {
        this.#learn(at, known);
        this.#nodes[at]!.cache.hear(invalidation).catch((thrown) => this.#errors.push(thrown));
      });
    }
  }

  #disturb(): void {
    const { faults } = this.#redis;
    const drawn = this.#random.below(12);
    if (drawn === 0) faults.delayMs = [0, 5, 30, 90][this.#random.below(4)]!;
    else if (drawn === 1) faults.failures = this.#random.next() * 0.4;
    else if (drawn === 2) faults.silence = this.#random.next() * 0.2;
    else if (drawn < 5) Object.assign(faults, { delayMs: 2, failures: 0, silence: 0 });
    else if (drawn === 5) this.#redis.flush();
    else if (drawn === 6) this.#redis.evict();
    else if (drawn === 7) this.#redis.save();
    else if (drawn === 8) this.#redis.kill();
    else this.#redis.restart(this.#random.below(2) === 0 ? "nothing" : "snapshot");
  }

  /** Its memory and its journal are gone, and so is what it has heard. */
  #restartNode(at: number): void {
    const node = this.#nodes[at]!;
    this.#retire(node.cache);
    node.cache = this.#open(at);
    node.floors.fill(0);
  }

  #retire(cache: Cache): void {
    this.#sharedHits += cache.counts().sharedHits;
    cache.close();
  }

  async #heal(): Promise<void> {
    Object.assign(this.#redis.faults, { delayMs: 1, failures: 0, silence: 0 });
    if (this.#redis.faults.isDown) this.#redis.restart("nothing");
    await this.#pass(8_000);
  }

  #open(at: number): Cache {
    return new Cache({
      clock: this.#clock,
      random: seededRandom(at),
      newId: () => `id${this.#ids++}`,
      shared: this.#redis,
      tell: (invalidation) => this.#tell(at, invalidation),
    });
  }

  /** In steps so small that what is called back can ask again in between. */
  async #pass(ms: number): Promise<void> {
    for (let left = ms; left >= 0; left -= 5) {
      this.#clock.advance(Math.min(5, Math.max(left, 0)));
      await new Promise(setImmediate);
    }
  }
}

function tagOf(key: number): string {
  return `group${key % 2}`;
}

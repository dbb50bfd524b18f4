/**
 * A shared store in memory that behaves as badly as a server and its network can: answers late, out of order or never, fails after it
 * has done what was asked, loses its connections, comes back empty or as it was a while ago, forgets this and that.
 */
import type { Clock } from "../../src/base/clock.ts";
import { Failure } from "../../src/base/errors.ts";
import { type Random, seededRandom } from "../../src/base/random.ts";
import type { Looked, SharedSession, SharedStore } from "../../src/data/cache/index.ts";

export interface FakeFaults {
  /** Longest time to the effect and from there to the answer. */
  delayMs: number;
  /** Share of operations that fail: half of them after they took effect. */
  failures: number;
  /** Share of operations that are never answered. */
  silence: number;
  isDown: boolean;
}

/** Defects that a checker has to notice. */
export type Planted = "apply is ignored" | "an old snapshot goes unnoticed" | "versions come again";

interface Kept {
  readonly bytes: Uint8Array;
  readonly endsMs: number;
}

interface Data {
  generation: string;
  values: Map<string, Kept>;
  versions: Map<string, string>;
  marks: Set<string>;
}

export class FakeRedis implements SharedStore {
  readonly name = "fake redis";
  readonly faults: FakeFaults = { delayMs: 0, failures: 0, silence: 0, isDown: false };
  readonly planted: Planted | undefined;
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #sessions = new Set<FakeSession>();
  #data: Data = empty();
  #snapshot: Data = empty();
  #life = 1;

  constructor(
    clock: Clock,
    { planted, seed = 1 }: { readonly planted?: Planted | undefined; readonly seed?: number } = {},
  ) {
    this.#clock = clock;
    this.#random = seededRandom(seed);
    this.planted = planted;
  }

  async open(lost: (reason: string) => void): Promise<SharedSession> {
    await this.#pass();
    if (this.faults.isDown) throw new Failure("fake.down", "nobody listens");
    const session = new FakeSession(this, lost);
    this.#sessions.add(session);
    return session;
  }

  get data(): Data {
    return this.#data;
  }

  get runId(): string {
    return this.planted === "an old snapshot goes unnoticed" ? "run" : `run${this.#life}`;
  }

  get nowMs(): number {
    return this.#clock.monotonic();
  }

  save(): void {
    this.#snapshot = copy(this.#data);
  }

  /** All connections break; what was under way is not done any more. */
  kill(): void {
    this.faults.isDown = true;
    for (const session of [...this.#sessions]) session.drop();
  }

  restart(from: "nothing" | "snapshot"): void {
    this.kill();
    this.#life++;
    this.#data = from === "nothing" ? empty() : copy(this.#snapshot);
    this.faults.isDown = false;
  }

  /** In the same life of the server. */
  flush(): void {
    this.#data = empty();
  }

  /** What a server without room does. */
  evict(): void {
    const { marks, values, versions } = this.#data;
    for (const all of [values, versions, marks])
      for (const key of [...all.keys()]) if (this.#chance(0.3)) all.delete(key);
    if (this.#chance(0.1)) this.#data.generation = "";
  }

  forget(session: FakeSession): void {
    this.#sessions.delete(session);
  }

  /** Carries one operation out, in some way. */
  async carry<T>(session: FakeSession, effect: () => T): Promise<T> {
    const isSilent = this.#chance(this.faults.silence);
    const isFailing = this.#chance(this.faults.failures);
    const isLate = this.#chance(0.5);
    await this.#pass();
    if (!this.#sessions.has(session)) throw new Failure("fake.closed", "the connection is closed");
    if (isFailing && !isLate) throw new Failure("fake.failed", "it was not done");
    const result = effect();
    await this.#pass();
    if (isSilent) return new Promise(() => {});
    if (isFailing || !this.#sessions.has(session))
      throw new Failure("fake.failed", "it was done, and the answer got lost");
    return result;
  }

  #pass(): Promise<void> {
    const delayMs = this.#random.next() * this.faults.delayMs;
    if (delayMs === 0) return Promise.resolve();
    return new Promise((resolve) => void this.#clock.after(delayMs, resolve));
  }

  #chance(share: number): boolean {
    return this.#random.next() < share;
  }
}

class FakeSession implements SharedSession {
  readonly #redis: FakeRedis;
  readonly #lost: (reason: string) => void;

  constructor(redis: FakeRedis, lost: (reason: string) => void) {
    this.#redis = redis;
    this.#lost = lost;
  }

  adopt(fresh: string): Promise<string> {
    return this.#redis.carry(this, () => {
      const { data, runId } = this.#redis;
      if (!data.generation.startsWith(`${runId}:`)) renew(data, `${runId}:${fresh}`);
      return data.generation;
    });
  }

  renew(fresh: string): Promise<string> {
    return this.#redis.carry(this, () => renew(this.#redis.data, `${this.#redis.runId}:${fresh}`));
  }

  async look(generation: string, key: string, names: readonly string[], fresh: string): Promise<Looked> {
    const told = await this.#redis.carry(this, () => this.#versions(generation, key, names, fresh));
    const bytes = await this.#redis.carry(this, () => this.#redis.data.values.get(`${generation} ${key}`)?.bytes);
    return { ...told, bytes };
  }

  #versions(generation: string, key: string, names: readonly string[], fresh: string) {
    const { data, nowMs, planted } = this.#redis;
    if (data.generation !== generation) return { generation: data.generation, versions: [], ttlMs: 0 };
    const versions = names.map((name) => {
      const known = data.versions.get(name) ?? (planted === "versions come again" ? "1" : `${fresh}.${name}`);
      data.versions.set(name, known);
      return known;
    });
    return { generation, versions, ttlMs: (data.values.get(`${generation} ${key}`)?.endsMs ?? 0) - nowMs };
  }

  store(generation: string, key: string, bytes: Uint8Array, ttlMs: number): Promise<void> {
    return this.#redis.carry(this, () => {
      const { data, nowMs } = this.#redis;
      data.values.set(`${generation} ${key}`, { bytes, endsMs: nowMs + ttlMs });
    });
  }

  apply(generation: string, id: string, names: readonly string[], fresh: string): Promise<string> {
    return this.#redis.carry(this, () => {
      const { data, planted } = this.#redis;
      if (data.generation !== generation || data.marks.has(id)) return data.generation;
      if (planted === "apply is ignored") return generation;
      data.marks.add(id);
      for (const name of names) data.versions.set(name, planted === "versions come again" ? "2" : `${fresh}.${name}`);
      return generation;
    });
  }

  drop(): void {
    this.#redis.forget(this);
    this.#lost("the connection broke");
  }

  close(): void {
    this.#redis.forget(this);
  }
}

function renew(data: Data, generation: string): string {
  data.generation = generation;
  data.versions.clear();
  data.marks.clear();
  return generation;
}

function empty(): Data {
  return { generation: "", values: new Map(), versions: new Map(), marks: new Set() };
}

function copy({ generation, marks, values, versions }: Data): Data {
  return { generation, values: new Map(values), versions: new Map(versions), marks: new Set(marks) };
}

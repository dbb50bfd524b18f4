/** Locks as one would write them without a thought for speed: a list of claims for each lock, walked through for everything. */
import type { LockReply, LockView } from "../../../../src/data/words/index.ts";

interface Claim {
  readonly holder: string;
  readonly order: number;
  ttlMs: number;
  endMs: number;
}

interface Lock {
  readonly name: string;
  token: number;
  /** The holder is the first. */
  claims: Claim[];
}

export class NaiveLocks {
  readonly pinned = new Set<string>();
  nowMs = 0;
  #locks: Lock[] = [];
  #token = 0;
  #order = 0;

  advance(nowMs: number): void {
    this.nowMs = nowMs;
    const ended = this.#locks.filter(({ name, claims }) => claims[0]!.endMs <= nowMs && !this.pinned.has(name));
    ended.sort(
      (left, right) => left.claims[0]!.endMs - right.claims[0]!.endMs || left.claims[0]!.order - right.claims[0]!.order,
    );
    for (const lock of this.#locks) lock.claims = lock.claims.filter(({ endMs }, at) => at === 0 || endMs > nowMs);
    for (const lock of ended) this.#passOn(lock);
  }

  acquire(name: string, holder: string, ttlMs: number, waits: boolean): LockReply {
    const endMs = this.nowMs + ttlMs;
    const lock = this.#find(name);
    if (lock === undefined) {
      this.#locks.push({ name, token: ++this.#token, claims: [{ holder, order: ++this.#order, ttlMs, endMs }] });
      return { state: "held", token: this.#token, ttlMs };
    }
    const at = lock.claims.findIndex((claim) => claim.holder === holder);
    if (at === 0) return this.#prolong(lock, ttlMs);
    const other = lock.claims[0]!.holder;
    if (!waits) {
      if (at > 0) lock.claims.splice(at, 1);
      return { state: "refused", holder: other };
    }
    if (at > 0) Object.assign(lock.claims[at]!, { ttlMs, endMs });
    else lock.claims.push({ holder, order: ++this.#order, ttlMs, endMs });
    return { state: "waiting", ahead: at > 0 ? at : lock.claims.length - 1, holder: other, ttlMs };
  }

  keep(name: string, holder: string, token: number): LockReply {
    const lock = this.#find(name);
    if (lock?.claims[0]?.holder !== holder || lock.token !== token) return { state: "unknown" };
    return this.#prolong(lock, lock.claims[0].ttlMs);
  }

  /** Undefined: refused, it is pinned. */
  release(name: string, holder: string, token: number | undefined): LockReply | undefined {
    const lock = this.#find(name);
    const at = lock?.claims.findIndex((claim) => claim.holder === holder) ?? -1;
    if (lock === undefined || at < 0) return { state: "unknown" };
    if (token !== undefined && (at > 0 || lock.token !== token)) return { state: "unknown" };
    if (at === 0 && this.pinned.has(name)) return undefined;
    if (at === 0) this.#passOn(lock);
    else lock.claims.splice(at, 1);
    return { state: "released" };
  }

  list(): LockView[] {
    const views = this.#locks.map(({ name, token, claims: [held, ...waiting] }) => {
      const ttlMs = Math.max(0, held!.endMs - this.nowMs);
      return { lock: name, holder: held!.holder, token, ttlMs, waiting: waiting.map(({ holder }) => holder) };
    });
    return views.sort((left, right) => (left.lock < right.lock ? -1 : 1));
  }

  #find(name: string): Lock | undefined {
    return this.#locks.find((lock) => lock.name === name);
  }

  #prolong(lock: Lock, ttlMs: number): LockReply {
    const held = lock.claims[0]!;
    held.ttlMs = ttlMs;
    held.endMs = Math.max(held.endMs, this.nowMs + ttlMs);
    return { state: "held", token: lock.token, ttlMs: held.endMs - this.nowMs };
  }

  #passOn(lock: Lock): void {
    lock.claims.shift();
    const [next] = lock.claims;
    if (next === undefined) this.#locks = this.#locks.filter((each) => each !== lock);
    else {
      lock.token = ++this.#token;
      next.endMs = this.nowMs + next.ttlMs;
    }
  }
}

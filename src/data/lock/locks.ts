/**
 * Locks: each is held by one for a time that its holder keeps up, and those who wait stand in a line, first come, first. Every
 * grant has a fencing token higher than all before it, of any lock of the group: whoever guards something takes no older one, so
 * a holder that slept through its end can do no harm. A waiter keeps its place by asking again in time; a lock passes to the first
 * one whose time is not over. A lock that a prepared distributed transaction relies on stays with its holder until that is decided.
 */
import { DueHeap, firstNames, listOf, pieceFault, wholeOf } from "../structure/index.ts";
import {
  type Answer,
  type Command,
  done,
  type LockReply,
  type LockView,
  type Moment,
  type Refused,
  refused,
  type Structure,
} from "../words/index.ts";
import { LOCK_CLAIMS_MAX, LOCK_WAITERS_MAX } from "./limits.ts";
import { bytesOf, type Claim, type Lock, piecesOf, readLock } from "./records.ts";

type Acquire = Extract<Command, { type: "lock.acquire" }>;
type Keep = Extract<Command, { type: "lock.keep" }>;
type Release = Extract<Command, { type: "lock.release" }>;

export interface LockOptions {
  /** It has another holder, or none. Told while a command is applied: to be noted, not acted upon at once. No part of the state. */
  readonly changed?: (lock: string) => void;
  /** It may change hands only later: see `DistributedTransactions.isPinned`. */
  readonly isPinned?: (lock: string) => boolean;
  readonly claimsMax?: number;
  readonly waitersMax?: number;
}

export class Locks implements Structure {
  readonly name = "locks";
  readonly #changed: (lock: string) => void;
  readonly #isPinned: (lock: string) => boolean;
  readonly #claimsMax: number;
  readonly #waitersMax: number;
  #locks = new Map<string, Lock>();
  #ends = new DueHeap<Claim>();
  /** Their holders' time is over, and they are pinned, or were when that was looked at. */
  #overdue = new Set<Lock>();
  /** The last ones given. */
  #token = 0;
  #order = 0;
  #sizeBytes = 0;

  constructor(options: LockOptions = {}) {
    this.#changed = options.changed ?? (() => {});
    this.#isPinned = options.isPinned ?? (() => false);
    this.#claimsMax = options.claimsMax ?? LOCK_CLAIMS_MAX;
    this.#waitersMax = options.waitersMax ?? LOCK_WAITERS_MAX;
  }

  get sizeBytes(): number {
    return this.#sizeBytes;
  }

  get nextDueMs(): number | undefined {
    for (const { name, held } of this.#overdue) if (!this.#isPinned(name)) return held!.dueMs;
    return this.#ends.first?.dueMs;
  }

  /** Those whose time is over go first, all of them: so a lock never passes to one of them. */
  advance(moment: Moment): void {
    const freed = this.#unpinned();
    for (let claim = this.#ends.take(moment.nowMs); claim !== undefined; claim = this.#ends.take(moment.nowMs)) {
      const lock = this.#locks.get(claim.lock)!;
      if (lock.held !== claim) this.#leave(lock, claim);
      else if (this.#isPinned(lock.name)) this.#overdue.add(lock);
      else freed.push(lock);
    }
    for (const lock of freed) this.#passOn(lock, moment);
  }

  acquire(command: Acquire, moment: Moment): Answer<LockReply> {
    const lock = this.#locks.get(command.lock);
    if (lock === undefined) return this.#isFull() ? this.#full(command) : done(this.#create(command, moment));
    if (lock.held!.holder === command.holder) return done(this.#prolong(lock, command.ttlMs, moment));
    const place = lock.waiting.get(command.holder);
    if (!command.waits) {
      if (place !== undefined) this.#leave(lock, place);
      return done({ state: "refused", holder: lock.held!.holder });
    }
    if (place === undefined && this.#isFull()) return this.#full(command);
    if (place === undefined && lock.waiting.size >= this.#waitersMax) return this.#lineFull(lock);
    this.#standInLine(lock, command, place, moment);
    return done(this.#waiting(lock, command));
  }

  /** The time that was asked for, again from now on. `unknown`: it is lost. */
  keep(command: Keep, moment: Moment): Answer<LockReply> {
    const lock = this.#locks.get(command.lock);
    if (lock?.held?.holder !== command.holder || lock.token !== command.token) return done({ state: "unknown" });
    return done(this.#prolong(lock, lock.held.ttlMs, moment));
  }

  release(command: Release, moment: Moment): Answer<LockReply> {
    const lock = this.#locks.get(command.lock);
    if (lock?.held?.holder === command.holder) return this.#giveUp(lock, command, moment);
    const place = command.token === undefined ? lock?.waiting.get(command.holder) : undefined;
    if (lock === undefined || place === undefined) return done({ state: "unknown" });
    this.#leave(lock, place);
    return done({ state: "released" });
  }

  /** Under this token, now: what a holder compares with before it changes anything. */
  isHeld(lock: string, token: number): boolean {
    return this.#locks.get(lock)?.token === token;
  }

  show(name: string, nowMs: number): LockView | undefined {
    const lock = this.#locks.get(name);
    if (lock === undefined) return undefined;
    const { token, held, waiting } = lock;
    const ttlMs = Math.max(0, held!.dueMs - nowMs);
    return { lock: name, holder: held!.holder, token, ttlMs, waiting: [...waiting.keys()] };
  }

  /** By name. */
  list(limit: number, nowMs: number, after?: string): LockView[] {
    return firstNames(this.#locks.keys(), limit, after).map((name) => this.show(name, nowMs)!);
  }

  capture(): Iterable<unknown> {
    const locks = Array.from(this.#locks.values(), ({ name, token, held, waiting }) => ({
      name,
      token,
      claims: [held!, ...waiting.values()],
    }));
    return piecesOf(this.#token, this.#order, locks);
  }

  restore(pieces: Iterable<unknown>): void {
    const [head, ...rest] = pieces;
    const [lastToken, lastOrder] = listOf(head, "the head of the locks", 2);
    const token = wholeOf(lastToken, "the last token");
    const order = wholeOf(lastOrder, "the last place");
    const locks = new Map<string, Lock>();
    for (const row of rest.flatMap((piece) => listOf(piece, "a piece of locks"))) {
      const lock = readLock(row, token, order);
      if (locks.has(lock.name)) throw pieceFault("a lock's name", lock.name, "each name once");
      locks.set(lock.name, lock);
    }
    this.#locks = locks;
    this.#token = token;
    this.#order = order;
    this.#ends = new DueHeap();
    this.#overdue = new Set();
    this.#sizeBytes = 0;
    for (const { held, waiting } of locks.values()) for (const claim of [held!, ...waiting.values()]) this.#note(claim);
  }

  /** Those that were kept from changing hands and are so no longer; in the order of the heap, which they are in after a restore. */
  #unpinned(): Lock[] {
    const freed = [...this.#overdue].filter(({ name }) => !this.#isPinned(name));
    for (const lock of freed) this.#overdue.delete(lock);
    return freed.sort(({ held: left }, { held: right }) => left!.dueMs - right!.dueMs || left!.order - right!.order);
  }

  #create(command: Acquire, moment: Moment): LockReply {
    const { lock: name, holder, ttlMs } = command;
    const held: Claim = { lock: name, holder, ttlMs, dueMs: moment.nowMs + ttlMs, order: ++this.#order, place: -1 };
    this.#note(held);
    this.#locks.set(name, { name, token: ++this.#token, held, waiting: new Map() });
    return { state: "held", token: this.#token, ttlMs };
  }

  /** Never shorter than it was. */
  #prolong(lock: Lock, ttlMs: number, { nowMs }: Moment): LockReply {
    const before = lock.held!;
    const held: Claim = { ...before, ttlMs, dueMs: Math.max(before.dueMs, nowMs + ttlMs) };
    if (this.#overdue.delete(lock)) this.#ends.add(held);
    else this.#ends.replace(before, held);
    lock.held = held;
    return { state: "held", token: lock.token, ttlMs: held.dueMs - nowMs };
  }

  #standInLine(lock: Lock, { holder, ttlMs }: Acquire, place: Claim | undefined, { nowMs }: Moment): void {
    const order = place?.order ?? ++this.#order;
    const claim: Claim = { lock: lock.name, holder, ttlMs, dueMs: nowMs + ttlMs, order, place: -1 };
    if (place === undefined) this.#note(claim);
    else this.#ends.replace(place, claim);
    lock.waiting.set(holder, claim);
  }

  #waiting(lock: Lock, { holder, ttlMs }: Acquire): LockReply {
    let ahead = 1;
    for (const before of lock.waiting.keys()) {
      if (before === holder) break;
      ahead++;
    }
    return { state: "waiting", ahead, holder: lock.held!.holder, ttlMs };
  }

  #giveUp(lock: Lock, { token }: Release, moment: Moment): Answer<LockReply> {
    if (token !== undefined && token !== lock.token) return done({ state: "unknown" });
    if (this.#isPinned(lock.name)) return pinned(lock);
    this.#overdue.delete(lock);
    this.#ends.remove(lock.held!);
    this.#passOn(lock, moment);
    return done({ state: "released" });
  }

  /** To the first one in line, whose time begins anew; the lock of nobody is forgotten. */
  #passOn(lock: Lock, { nowMs }: Moment): void {
    this.#sizeBytes -= bytesOf(lock.held!);
    const [next] = lock.waiting.values();
    lock.held = next && { ...next, dueMs: nowMs + next.ttlMs };
    if (next === undefined || lock.held === undefined) {
      this.#locks.delete(lock.name);
    } else {
      lock.waiting.delete(next.holder);
      lock.token = ++this.#token;
      this.#ends.replace(next, lock.held);
    }
    this.#changed(lock.name);
  }

  #leave(lock: Lock, claim: Claim): void {
    this.#ends.remove(claim);
    lock.waiting.delete(claim.holder);
    this.#sizeBytes -= bytesOf(claim);
  }

  #note(claim: Claim): void {
    this.#ends.add(claim);
    this.#sizeBytes += bytesOf(claim);
  }

  #isFull(): boolean {
    return this.#ends.size + this.#overdue.size >= this.#claimsMax;
  }

  #full({ lock, holder }: Acquire): Refused {
    return refused(
      "data.full",
      `acquiring lock ${lock} for ${holder}: ${this.#claimsMax} hold locks or wait for them, more are not taken`,
      true,
    );
  }

  #lineFull({ name, waiting }: Lock): Refused {
    const { size } = waiting;
    return refused("data.full", `acquiring lock ${name}: ${size} wait for it, at most ${this.#waitersMax} may`, true);
  }
}

function pinned({ name }: Lock): Refused {
  return refused(
    "data.locked",
    `releasing lock ${name}: a prepared distributed transaction relies on it, it must be decided first`,
    true,
  );
}

/**
 * The way to Redis: one session at a time, agreed on a generation before anybody uses it. Each operation has a short deadline; a few
 * failures in a row, or the loss of the connection, end the session for good. Only an attempt to open another one, which nobody waits
 * for, finds out whether Redis is back.
 */
import type { Clock, Timer } from "../../../base/clock.ts";
import { messageOf } from "../../../base/errors.ts";
import { Histogram } from "../../../base/histogram.ts";
import { Breaker } from "../../../protocol/breaker/index.ts";
import { AWAY_MS, CONNECT_MS, FAILURES_MAX, OPERATION_MS, OPERATIONS_MAX } from "../limits.ts";
import { Deadline } from "./deadline.ts";
import type { SharedSession, SharedStore } from "./types.ts";

export interface ConnectionPorts {
  readonly store: SharedStore;
  readonly clock: Clock;
  readonly newId: () => string;
  /** Hears when Redis is away, and when it is back; once each. */
  readonly report?: ((text: string) => void) | undefined;
  /** A session can be used from now on. */
  readonly opened: () => void;
}

/** A session and the generation that it works in; another object for another one of either. */
export interface Open {
  readonly session: SharedSession;
  readonly generation: string;
}

export class Connection {
  readonly latency = new Histogram();
  readonly #ports: ConnectionPorts;
  readonly #deadline: Deadline;
  readonly #breaker = new Breaker({ failureThreshold: FAILURES_MAX, halfOpenAfterMs: AWAY_MS });
  readonly #counts = { operations: 0, failures: 0, timeouts: 0, bypassed: 0, connections: 0 };
  #open: Open | undefined;
  #opening: Promise<void> | undefined;
  #retry: Timer | undefined;
  #underWay = 0;
  #isClosed = false;
  /** What was said last: each change once. */
  #isSaidAway = false;

  constructor(ports: ConnectionPorts) {
    this.#ports = ports;
    this.#deadline = new Deadline(ports.clock);
  }

  get open(): Open | undefined {
    return this.#open;
  }

  counts() {
    return { ...this.#counts };
  }

  /** Begins to look for Redis. Resolves when the first attempt has ended, whatever came of it. */
  async start(): Promise<void> {
    this.#connect();
    await this.#opening;
  }

  /** Somebody goes without Redis. */
  bypass(): undefined {
    this.#counts.bypassed++;
  }

  /** What it gives, in time and while its session lasts; else undefined. Never rejects. */
  async attempt<T>(open: Open, ask: (open: Open) => Promise<T>): Promise<T | undefined> {
    const { clock } = this.#ports;
    if (this.#open !== open || this.#underWay >= OPERATIONS_MAX) return this.bypass();
    const begunMs = clock.monotonic();
    const { decision } = this.#breaker.admit(begunMs);
    if (decision.type === "refused") return this.bypass();
    const { ticket } = decision;
    this.#underWay++;
    this.#counts.operations++;
    try {
      const result = await this.#deadline.within(OPERATION_MS, ask(open));
      this.latency.record(clock.monotonic() - begunMs);
      this.#breaker.step({ type: "succeeded", ticket }, clock.monotonic());
      return this.#open?.session === open.session ? result : undefined;
    } catch (thrown) {
      this.#failed(thrown, ticket, open.session);
      return undefined;
    } finally {
      this.#underWay--;
    }
  }

  /** Another generation was made on this session. */
  renewed(open: Open, generation: string): void {
    if (this.#open === open) this.#open = { session: open.session, generation };
  }

  /** There is another generation than this node believes in, or none: it finds out, and goes on with what there is. */
  settleAgain(open: Open): void {
    if (this.#open !== open) return;
    this.#open = undefined;
    this.#enter(open.session).then(
      (entered) => this.#begin(entered),
      (thrown) => {
        open.session.close();
        this.#goAway(messageOf(thrown));
      },
    );
  }

  close(): void {
    this.#isClosed = true;
    this.#retry?.cancel();
    this.#open?.session.close();
    this.#open = undefined;
  }

  #failed(thrown: unknown, ticket: number, session: SharedSession): void {
    const reason = messageOf(thrown);
    this.#counts.failures++;
    if (this.#deadline.isLate(thrown)) this.#counts.timeouts++;
    const effects = this.#breaker.step({ type: "failed", ticket, reason }, this.#ports.clock.monotonic());
    const opened = effects.find(({ to }) => to === "open");
    if (opened) this.#lose(session, opened.reason);
  }

  #lose(session: SharedSession, reason: string): void {
    if (this.#isClosed || this.#open?.session !== session) return;
    this.#open = undefined;
    session.close();
    this.#goAway(reason);
  }

  #goAway(reason: string): void {
    this.#breaker.step({ type: "trip", reason }, this.#ports.clock.monotonic());
    this.#sayAway(reason);
    this.#connectLater(AWAY_MS);
  }

  #connect(): void {
    if (this.#isClosed) return;
    const { clock } = this.#ports;
    const { decision } = this.#breaker.admit(clock.monotonic());
    if (decision.type === "refused") return this.#connectLater(decision.retryAfterMs ?? AWAY_MS);
    const { ticket } = decision;
    this.#opening = this.#openSession().then(
      (open) => {
        this.#breaker.step({ type: "succeeded", ticket }, clock.monotonic());
        this.#begin(open);
      },
      (thrown) => {
        const reason = messageOf(thrown);
        this.#breaker.step({ type: "failed", ticket, reason }, clock.monotonic());
        this.#sayAway(reason);
        this.#connectLater(AWAY_MS);
      },
    );
  }

  async #openSession(): Promise<Open> {
    let session: SharedSession | undefined;
    const onLost = (reason: string): void => {
      if (session) this.#lose(session, reason);
    };
    session = await this.#deadline.within(CONNECT_MS, this.#ports.store.open(onLost), (late) => late.close());
    this.#counts.connections++;
    try {
      return await this.#enter(session);
    } catch (thrown) {
      session.close();
      throw thrown;
    }
  }

  async #enter(session: SharedSession): Promise<Open> {
    const generation = await this.#deadline.within(CONNECT_MS, session.adopt(this.#ports.newId()));
    return { session, generation };
  }

  #begin(open: Open): void {
    if (this.#isClosed) return open.session.close();
    this.#open = open;
    if (this.#isSaidAway) this.#ports.report?.(`the cache has ${this.#ports.store.name} again`);
    this.#isSaidAway = false;
    this.#ports.opened();
  }

  #connectLater(delayMs: number): void {
    this.#retry?.cancel();
    if (!this.#isClosed) this.#retry = this.#ports.clock.after(delayMs, () => this.#connect());
  }

  #sayAway(reason: string): void {
    if (this.#isSaidAway || this.#isClosed) return;
    this.#isSaidAway = true;
    this.#ports.report?.(`the cache goes on without ${this.#ports.store.name}: ${reason}`);
  }
}

/**
 * The connections to one origin: the one used last is used first (so that those not needed fall idle and close), a new one is opened
 * for each request that finds none, up to a bound, and the rest waits in order. A connection that cannot be made fails the
 * request that has waited longest, and no other one.
 */
import { Failure } from "../../../base/errors.ts";
import type { UpstreamTls } from "../words/index.ts";
import type { Asked } from "./asked.ts";
import type { ConnectionOwner, UpstreamConnection } from "./connection.ts";
import { type Connected, type Connecting, type ConnectorPorts, connect } from "./connector.ts";
import type { UpstreamLimits } from "./limits.ts";
import type { BunSocket } from "./socket.ts";
import { type TlsPlan, tlsPlan } from "./tls.ts";
import { Waiting } from "./waiting.ts";

/** What all requests of a pool have in common. */
export interface PoolPlace {
  readonly host: string;
  readonly port: number;
  readonly isTls: boolean;
  readonly isH2: boolean;
  readonly isDynamic: boolean;
  readonly tls: UpstreamTls | undefined;
}

export interface PoolPorts extends ConnectorPorts {
  readonly limits: UpstreamLimits;
  /** A connection over an open socket, which it begins to use. */
  readonly open: (socket: BunSocket, owner: ConnectionOwner, isH2: boolean) => UpstreamConnection;
  readonly note: (dueMs: number) => void;
}

/** A request goes out anew because its connection died so often at most: after that the upstream is ill, not the connection old. */
const AGAINS_MAX = 1;
/** The same for one that the upstream says it has not begun: who refuses so often means it. */
const UNBEGUN_MAX = 3;

/** Streams that a new HTTP/2 connection is expected to take, until one has said: what servers commonly allow. */
const H2_ROOM = 100;

export class OriginPool implements ConnectionOwner {
  /** Nothing is left of it, and it has been forgotten. */
  isGone = false;
  readonly #place: PoolPlace;
  readonly #ports: PoolPorts;
  readonly #tls: TlsPlan | undefined;
  readonly #all = new Set<UpstreamConnection>();
  /** Those with room, the one used last at the end. */
  readonly #free: UpstreamConnection[] = [];
  readonly #waiting = new Waiting();
  readonly #connecting = new Set<Connecting>();
  /** Connections whose upstream has not said yet how much they take: who waits may wait for them. */
  readonly #fresh = new Set<UpstreamConnection>();
  /** What a connection takes at once, as far as known. */
  #each: number;
  #opened = 0;
  #agains = 0;
  #connectsFailed = 0;

  constructor(place: PoolPlace, ports: PoolPorts) {
    this.#place = place;
    this.#ports = ports;
    const { host, isH2, isTls, tls } = place;
    this.#each = isH2 ? H2_ROOM : 1;
    this.#tls = isTls ? tlsPlan(host.replace(/^\[(.*)\]$/, "$1"), tls, isH2) : undefined;
  }

  get isDynamic(): boolean {
    return this.#place.isDynamic;
  }

  get isEmpty(): boolean {
    return this.#all.size === 0 && this.#connecting.size === 0 && this.#waiting.size === 0;
  }

  get connections(): number {
    return this.#all.size;
  }

  /** Requests under way. */
  get active(): number {
    let active = 0;
    for (const connection of this.#all) active += connection.active;
    return active;
  }

  get waiting(): number {
    return this.#waiting.size;
  }

  get connecting(): number {
    return this.#connecting.size;
  }

  totals(): { readonly opened: number; readonly agains: number; readonly connectsFailed: number } {
    return { opened: this.#opened, agains: this.#agains, connectsFailed: this.#connectsFailed };
  }

  ask(asked: Asked): void {
    for (let free = this.#free.pop(); free !== undefined; free = this.#free.pop()) {
      if (free.room === 0) continue;
      this.#give(asked, free);
      return;
    }
    if (this.#waiting.size >= this.#ports.limits.waitingPerOriginMax)
      return asked.fail(this.#busy("too many wait"), true);
    this.#waiting.push(asked);
    this.#openAsNeeded();
  }

  onRoom(connection: UpstreamConnection): void {
    this.#learn(connection);
    while (connection.room > 0) {
      const asked = this.#waiting.shift();
      if (asked === undefined) return this.#release(connection);
      asked.connection = connection;
      connection.ask(asked);
    }
    if (this.#waiting.size > 0) this.#openAsNeeded();
  }

  onClosed(connection: UpstreamConnection): void {
    this.#all.delete(connection);
    const at = this.#free.lastIndexOf(connection);
    if (at >= 0) this.#free.splice(at, 1);
    if (this.#fresh.delete(connection) && this.#all.size === 0) this.#failWaiting(this.#speechless());
    this.#openAsNeeded();
  }

  again(asked: Asked, isUnbegun = false): boolean {
    if (asked.isOver || asked.agains >= (isUnbegun ? UNBEGUN_MAX : AGAINS_MAX)) return false;
    asked.agains++;
    this.#agains++;
    asked.connection = undefined;
    asked.waitingSinceMs = this.#ports.clock.monotonic();
    this.#waiting.push(asked);
    this.#openAsNeeded();
    return true;
  }

  note(dueMs: number): void {
    this.#ports.note(dueMs);
  }

  /** Ends what is due; gives back when the next may be. */
  sweep(nowMs: number): number {
    let nextMs = this.#sweepWaiting(nowMs);
    for (const connection of this.#all) nextMs = Math.min(nextMs, connection.sweep(nowMs));
    return nextMs;
  }

  /** No new requests are coming: connections go when their requests are over. */
  drain(): void {
    for (const connection of [...this.#all]) connection.drain();
  }

  close(cause: Failure): void {
    for (const connecting of this.#connecting) connecting.cancel();
    this.#connecting.clear();
    for (let asked = this.#waiting.shift(); asked !== undefined; asked = this.#waiting.shift()) asked.fail(cause, true);
    for (const connection of [...this.#all]) connection.close(cause);
  }

  #give(asked: Asked, connection: UpstreamConnection): void {
    asked.connection = connection;
    connection.ask(asked);
    if (connection.room > 0 && !this.#free.includes(connection)) this.#free.push(connection);
  }

  #release(connection: UpstreamConnection): void {
    if (this.#place.isH2 && this.#free.includes(connection)) return;
    this.#free.push(connection);
    if (this.#free.length <= this.#ports.limits.idlePerOriginMax) return;
    const coldest = this.#free.shift()!;
    coldest.drain();
  }

  #openAsNeeded(): void {
    const { connectionsPerOriginMax } = this.#ports.limits;
    const each = Math.max(1, this.#each);
    // An upstream that takes none at all gets no crowd of connections: who waits for it waits in vain.
    const openMax = this.#each === 0 ? 1 : connectionsPerOriginMax;
    let awaited = 0;
    for (const { active } of this.#fresh) awaited += Math.max(0, each - active);
    while (
      this.#waiting.size > this.#connecting.size * each + awaited &&
      this.#all.size + this.#connecting.size < openMax
    ) {
      this.#open();
    }
  }

  #learn(connection: UpstreamConnection): void {
    if (connection.roomMax !== undefined && this.#fresh.delete(connection)) this.#each = connection.roomMax;
  }

  #open(): void {
    const { host, isDynamic, port } = this.#place;
    const timeoutMs = this.#waiting.newest?.request.timeouts.connectMs ?? 0;
    let connecting: Connecting | undefined;
    let isDone = false;
    connecting = connect(this.#ports, { host, port, tls: this.#tls, isDynamic, timeoutMs }, (outcome) => {
      isDone = true;
      if (connecting !== undefined) this.#connecting.delete(connecting);
      this.#connected(outcome);
    });
    if (!isDone) this.#connecting.add(connecting);
  }

  #connected(outcome: Connected): void {
    if (outcome instanceof Failure) return this.#failed(outcome);
    this.#opened++;
    const connection = this.#ports.open(outcome, this, this.#place.isH2);
    this.#all.add(connection);
    if (connection.roomMax === undefined) this.#fresh.add(connection);
    this.onRoom(connection);
    this.#ports.note(this.#ports.clock.monotonic() + this.#ports.limits.idleMs);
  }

  /** Of HTTP/2 all who wait have waited for this one. */
  #failed(failure: Failure): void {
    this.#connectsFailed++;
    if (this.#place.isH2) this.#failWaiting(failure);
    else this.#waiting.shift()?.fail(failure, true);
    this.#openAsNeeded();
  }

  /** Those that wait now: who is told may ask again at once. */
  #failWaiting(failure: Failure): void {
    for (let count = this.#waiting.size; count > 0; count--) this.#waiting.shift()?.fail(failure, true);
  }

  #speechless(): Failure {
    const { host, port } = this.#place;
    const message = `asking ${host}:${port}: it closed the connection before it said anything of HTTP/2`;
    return new Failure("gateway.upstream_closed", message, { retryable: true });
  }

  #sweepWaiting(nowMs: number): number {
    if (this.#waiting.size === 0) return Number.POSITIVE_INFINITY;
    let nextMs = Number.POSITIVE_INFINITY;
    const due = this.#waiting.takeDue((asked) => {
      const dueMs = waitsUntil(asked);
      if (dueMs > nowMs) nextMs = Math.min(nextMs, dueMs);
      return dueMs <= nowMs;
    });
    for (const asked of due) asked.fail(this.#overdue(), true);
    return nextMs;
  }

  /** Of HTTP/2 a connection is none before the upstream has said so: one that stays silent is to blame. */
  #overdue(): Failure {
    if (this.#connecting.size === 0 && this.#fresh.size === 0) return this.#busy("no connection became free in time");
    const { host, port } = this.#place;
    return new Failure("gateway.upstream_timeout", `connecting to ${host}:${port}: not done in time`, {
      retryable: true,
    });
  }

  #busy(why: string): Failure {
    const { host, port } = this.#place;
    const { size } = this.#all;
    const message = `asking ${host}:${port}: ${why}; ${this.#waiting.size} requests wait, ${size} connections are open`;
    return new Failure("gateway.upstream_busy", message, { retryable: true });
  }
}

function waitsUntil({ request: { timeouts }, startedMs, waitingSinceMs }: Asked): number {
  return Math.min(waitingSinceMs + timeouts.connectMs, startedMs + (timeouts.totalMs ?? Number.POSITIVE_INFINITY));
}

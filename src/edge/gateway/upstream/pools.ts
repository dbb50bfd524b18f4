/**
 * All connections to upstreams, by origin: who asks gets one that is open already where there is one. Requests that may reach addresses
 * inside and those that may not never share a connection, nor do different TLS identities. One timer serves the deadlines
 * of all requests and idle connections.
 */
import type { Clock } from "../../../base/clock.ts";
import { Deadlines } from "../../../base/deadlines.ts";
import { Failure } from "../../../base/errors.ts";
import { seededRandom } from "../../../base/random.ts";
import { HeadWriter } from "../../../wire/http/index.ts";
import type { Origin, UpstreamCall, UpstreamEvents, UpstreamRequest, Upstreams } from "../words/index.ts";
import { AddressRules } from "./addresses.ts";
import { Asked } from "./asked.ts";
import type { ConnectionOwner, UpstreamConnection } from "./connection.ts";
import { Http1Connection, type Http1Parts } from "./http1-connection.ts";
import { Http2Upstream } from "./http2-upstream.ts";
import { defaultUpstreamLimits, type UpstreamLimits } from "./limits.ts";
import { OriginPool, type PoolPorts } from "./origin-pool.ts";
import { type Resolve, Resolver, systemResolve } from "./resolver.ts";
import type { BunSocket } from "./socket.ts";
import { identityOf, isTls, speaksH2 } from "./tls.ts";

export interface UpstreamPorts {
  readonly clock: Clock;
  /** The system's by default. */
  readonly resolve?: Resolve | undefined;
  /** Networks (CIDR) that dynamic targets may reach although they are inside. */
  readonly allowedPrivate?: readonly string[] | undefined;
  readonly limits?: Partial<UpstreamLimits> | undefined;
  /** What a part of ours has thrown while an upstream spoke: it has cost that connection. */
  readonly onDefect?: ((failure: Failure) => void) | undefined;
}

export interface UpstreamCounts {
  readonly origins: number;
  readonly connections: number;
  readonly connecting: number;
  /** Requests under way and those that wait for a connection. */
  readonly active: number;
  readonly waiting: number;
  /** Since the start. */
  readonly asked: number;
  readonly opened: number;
  readonly connectsFailed: number;
  /** Requests that went out again because an old connection died under them. */
  readonly agains: number;
}

/** The pool that requests to this origin object came to last: most requests of a route are alike. */
interface Shortcut {
  readonly tls: UpstreamRequest["tls"];
  readonly version: UpstreamRequest["version"];
  readonly isDynamic: boolean | undefined;
  readonly pool: OriginPool;
}

export class UpstreamPools implements Upstreams {
  readonly #clock: Clock;
  readonly #limits: UpstreamLimits;
  readonly #parts: Http1Parts;
  readonly #deadlines: Deadlines;
  readonly #ports: PoolPorts;
  readonly #pools = new Map<string, OriginPool>();
  /** Of these, those of dynamic targets. */
  #dynamic = 0;
  readonly #shortcuts = new WeakMap<Origin, Shortcut>();
  readonly #totals = { asked: 0, opened: 0, connectsFailed: 0, agains: 0 };
  #closed: Failure | undefined;

  /** Fails with `gateway.bad_network`. */
  constructor(ports: UpstreamPorts) {
    const { allowedPrivate = [], clock, limits = {}, onDefect, resolve = systemResolve } = ports;
    this.#clock = clock;
    this.#limits = { ...defaultUpstreamLimits, ...limits };
    this.#parts = { clock, limits: this.#limits, writer: new HeadWriter(), random: seededRandom(clock.now()) };
    this.#deadlines = new Deadlines(clock, (nowMs) => this.#sweep(nowMs));
    this.#ports = {
      clock,
      onDefect,
      limits: this.#limits,
      resolver: new Resolver(resolve, clock),
      rules: new AddressRules(allowedPrivate),
      open: (socket, owner, isH2) => this.#openConnection(socket, owner, isH2),
      note: (dueMs) => this.#deadlines.note(dueMs),
    };
  }

  ask(request: UpstreamRequest, events: UpstreamEvents): UpstreamCall {
    const nowMs = this.#clock.monotonic();
    const asked = new Asked(request, events, nowMs);
    const pool = this.#closed === undefined ? this.#poolOf(request) : this.#closed;
    this.#totals.asked++;
    if (pool instanceof Failure) {
      asked.fail(pool, true);
      return asked;
    }
    const { connectMs, totalMs = connectMs } = request.timeouts;
    this.#deadlines.note(nowMs + Math.min(connectMs, totalMs));
    pool.ask(asked);
    return asked;
  }

  counts(): UpstreamCounts {
    const counts = { connections: 0, connecting: 0, active: 0, waiting: 0, ...this.#totals };
    for (const pool of this.#pools.values()) {
      const totals = pool.totals();
      counts.connections += pool.connections;
      counts.connecting += pool.connecting;
      counts.active += pool.active;
      counts.waiting += pool.waiting;
      counts.opened += totals.opened;
      counts.connectsFailed += totals.connectsFailed;
      counts.agains += totals.agains;
    }
    return { origins: this.#pools.size, ...counts };
  }

  /** Idle connections go at once, others with their last request: after a reload, so that nothing old is used on. */
  drain(): void {
    for (const pool of this.#pools.values()) pool.drain();
  }

  /** At once; what is under way fails with this cause, and all that is asked from now on. */
  close(cause: Failure): void {
    this.#closed = cause;
    for (const pool of this.#pools.values()) pool.close(cause);
    this.#deadlines.stop();
  }

  #poolOf(request: UpstreamRequest): OriginPool | Failure {
    const { isDynamic, origin, tls, version } = request;
    const known = this.#shortcuts.get(origin);
    if (
      known !== undefined &&
      !known.pool.isGone &&
      known.tls === tls &&
      known.version === version &&
      known.isDynamic === isDynamic
    )
      return known.pool;
    const pool = this.#poolByKey(request);
    if (pool instanceof OriginPool) this.#shortcuts.set(origin, { tls, version, isDynamic, pool });
    return pool;
  }

  #poolByKey(request: UpstreamRequest): OriginPool | Failure {
    const { isDynamic = false, origin, tls } = request;
    const { host, port } = origin;
    const place = { host, port, tls, isDynamic, isTls: isTls(origin), isH2: speaksH2(request) };
    const identity = place.isTls ? identityOf(tls) : "";
    const key = `${place.isTls ? "s" : "p"}${place.isH2 ? "2" : "1"}${isDynamic ? "d" : "f"} ${host} ${port} ${identity}`;
    const known = this.#pools.get(key);
    if (known !== undefined) return known;
    const max = isDynamic ? this.#limits.dynamicOriginsMax : this.#limits.originsMax;
    if (this.#count(isDynamic) >= max) this.#forgetEmpty();
    if (this.#count(isDynamic) >= max) return tooMany(max);
    const pool = new OriginPool(place, this.#ports);
    this.#pools.set(key, pool);
    if (isDynamic) this.#dynamic++;
    return pool;
  }

  #count(isDynamic: boolean): number {
    return isDynamic ? this.#dynamic : this.#pools.size - this.#dynamic;
  }

  #openConnection(socket: BunSocket, owner: ConnectionOwner, isH2: boolean): UpstreamConnection {
    if (isH2) return new Http2Upstream(socket, owner, this.#clock, this.#limits);
    return new Http1Connection(socket, owner, this.#parts);
  }

  #sweep(nowMs: number): number {
    let nextMs = Number.POSITIVE_INFINITY;
    for (const pool of this.#pools.values()) nextMs = Math.min(nextMs, pool.sweep(nowMs));
    this.#forgetEmpty();
    return nextMs;
  }

  #forgetEmpty(): void {
    for (const [key, pool] of this.#pools) {
      if (!pool.isEmpty) continue;
      const { agains, connectsFailed, opened } = pool.totals();
      this.#totals.agains += agains;
      this.#totals.connectsFailed += connectsFailed;
      this.#totals.opened += opened;
      pool.isGone = true;
      this.#pools.delete(key);
      if (pool.isDynamic) this.#dynamic--;
    }
  }
}

function tooMany(max: number): Failure {
  return new Failure(
    "gateway.upstream_busy",
    `asking another origin: connections to ${max} are open, no more are allowed`,
    {
      retryable: true,
    },
  );
}

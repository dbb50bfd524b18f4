/**
 * Hosts kept beside the lanes of a stage: loaded and initialised, without state and without a batch. A lane that loses its
 * host takes one at once; the next is started a moment later, and the first not before the lanes serve, so that a spare
 * never competes with a batch that waits. Of a plugin that only one process may initialise they are loaded only.
 */
import { type Clock, pause } from "../../../base/clock.ts";
import { toFailure } from "../../../base/errors.ts";
import type { HostExit } from "../../../process/plugin/index.ts";
import type { RunningChild } from "../../../process/supervise/index.ts";
import type { StageHost } from "./stage-host.ts";
import type { StageEvent, StagePlan } from "./types.ts";

export interface StandbyPorts {
  launch(plan: StagePlan): StageHost;
  /** The plan of the stage now. */
  plan(): StagePlan;
  /** It is there and idle: what makes it quick for its first batch is done now. */
  idle?(host: StageHost): void;
  readonly clock: Clock;
  readonly stopTimeoutMs: number;
  observe?: ((event: StageEvent) => void) | undefined;
}

interface PlacePorts extends StandbyPorts {
  /** By itself. */
  died(): void;
}

interface Spare {
  readonly host: StageHost;
  taken(): void;
}

/**
 * How long after it was taken a standby is replaced. Starting a process takes some 50 ms of processor time, which the batches
 * that waited for the crashed host need more.
 */
const REPLACE_AFTER_MS = 50;
/** A spare that dies again and again is tried ever more seldom, and never ends the stage: the lanes work without it. */
const REPLACE_AFTER_MS_MAX = 10_000;
/** Who lived so long is well: its death is a first one. */
const WELL_AFTER_MS = 10_000;

export class StandbyHosts {
  readonly #ports: StandbyPorts;
  readonly #spares = new Set<Spare>();
  readonly #opened = Promise.withResolvers<void>();
  readonly #places = new Map<number, StandbyPlace>();
  /** Places whose process had to be replaced because it died. */
  restarts = 0;

  constructor(ports: StandbyPorts) {
    this.#ports = ports;
  }

  /** The lanes serve: from now on there is time for spares. */
  open(): void {
    this.#opened.resolve();
  }

  take(plan: StagePlan): StageHost | undefined {
    for (const spare of this.#spares) {
      if (spare.host.plan !== plan || !spare.host.alive) continue;
      this.#spares.delete(spare);
      spare.taken();
      return spare.host;
    }
    return undefined;
  }

  /** The stage has another plan: spares of the old one are of no use. */
  renew(): void {
    for (const place of this.#places.values()) place.renew();
  }

  /** The place with this number, as its supervisor sees it. */
  run(number: number): RunningChild {
    const died = (): void => void this.restarts++;
    const place = new StandbyPlace({ ...this.#ports, died }, this.#spares, this.#opened.promise);
    this.#places.set(number, place);
    return place.child;
  }

  /** For people: the process in this place, and since when it is ready. */
  place(
    number: number,
  ): { readonly host: StageHost | undefined; readonly readySinceMs: number | undefined } | undefined {
    return this.#places.get(number);
  }
}

type End = "taken" | "renewed" | "stopped";

/** One place: a spare, and the next one when that has been taken. */
class StandbyPlace {
  readonly child: RunningChild;
  host: StageHost | undefined;
  readySinceMs: number | undefined;
  readonly #ports: PlacePorts;
  readonly #spares: Set<Spare>;
  readonly #stopped = new AbortController();
  /** Ends the wait of the present spare. Anew for each: what waits for ever would keep every spare that there was. */
  #end = Promise.withResolvers<End>();

  constructor(ports: PlacePorts, spares: Set<Spare>, opened: Promise<void>) {
    this.#ports = ports;
    this.#spares = spares;
    // A stage does not wait for its spares: a place has started as soon as it is there.
    this.child = { started: Promise.resolve(), exited: this.#keep(opened), terminate: (how) => this.#terminate(how) };
  }

  /** Also while its host is only starting. */
  renew(): void {
    this.#end.resolve("renewed");
  }

  get #isStopping(): boolean {
    return this.#stopped.signal.aborted;
  }

  #terminate(how: "shutdown" | "kill"): void {
    this.#stopped.abort();
    this.#end.resolve("stopped");
    if (how === "kill") this.host?.kill("was stopped");
  }

  async #keep(opened: Promise<void>): ReturnType<() => RunningChild["exited"]> {
    await Promise.race([opened, this.#end.promise]);
    let failures = 0;
    while (!this.#isStopping) {
      const bornMs = this.#ports.clock.monotonic();
      const failure = await this.#life();
      if (failure === undefined) continue;
      const wasWell = this.#ports.clock.monotonic() - bornMs >= WELL_AFTER_MS;
      failures = wasWell ? 0 : failures + 1;
      this.#ports.died();
      const delayMs = Math.min(REPLACE_AFTER_MS * 2 ** failures, REPLACE_AFTER_MS_MAX);
      await pause(this.#ports.clock, delayMs, this.#stopped.signal);
    }
    return { kind: "normal", detail: "was stopped" };
  }

  /** Why the spare came to its end by itself; nothing when it was taken, or of no use any more. */
  async #life(): Promise<string | undefined> {
    const { clock, launch, plan } = this.#ports;
    this.#end = Promise.withResolvers();
    let host: StageHost | undefined;
    try {
      this.host = host = launch(plan());
      await (host.plan.exclusive ? host.loaded : host.initialise());
    } catch (thrown) {
      await host?.ended;
      return toFailure(thrown, "plugin.start").message;
    }
    this.readySinceMs = clock.monotonic();
    const end = await this.#wait(host);
    this.host = this.readySinceMs = undefined;
    if (end === "taken") await pause(clock, REPLACE_AFTER_MS, this.#stopped.signal);
    return typeof end === "string" ? undefined : end.reason;
  }

  async #wait(host: StageHost): Promise<End | HostExit> {
    const { idle, observe, stopTimeoutMs } = this.#ports;
    const spare: Spare = { host, taken: () => this.#end.resolve("taken") };
    this.#spares.add(spare);
    observe?.({ event: "standby_ready", pid: host.pid! }); // it is loaded: it was spawned
    idle?.(host);
    const end = await Promise.race([this.#end.promise, host.ended]);
    if (!this.#spares.delete(spare)) return "taken"; // whatever else has happened since
    if (typeof end === "string") {
      await host.stop(stopTimeoutMs);
      return end;
    }
    observe?.({ event: "standby_exited", pid: host.pid!, reason: end.reason });
    return end;
  }
}

/**
 * Keeps one lane in hosts, one after the other: a fresh one, a standby, or the one that a swap has prepared. An end that was
 * wished, or a hand-over, is followed by the next host at once; any other is the supervisor's to judge.
 */
import type { Clock } from "../../../base/clock.ts";
import { Failure, toFailure } from "../../../base/errors.ts";
import type { HostExit } from "../../../process/plugin/index.ts";
import type { LastExit, RunningChild } from "../../../process/supervise/index.ts";
import type { ExitReason } from "../../../protocol/supervision/index.ts";
import type { Lane, Trial } from "./lane.ts";
import type { Past } from "./replay-log.ts";
import type { StageHost } from "./stage-host.ts";
import type { StageEvent, StagePlan } from "./types.ts";

/** Who follows, and what it has to go through; without a past, what the stage's log says. */
export interface Successor {
  readonly host: StageHost | Promise<StageHost>;
  readonly past?: Past;
}

export interface KeeperPorts {
  readonly clock: Clock;
  launch(plan: StagePlan, number: number): StageHost;
  /** One that is ready for this plan, if there is one. */
  standby(plan: StagePlan): StageHost | undefined;
  /** Where the stage stands: read when a host takes over. */
  past(): Past | undefined;
  /** A host that was to follow is not needed any more: it cleans up. */
  retire(host: StageHost): void;
  /** The lane can take a batch. */
  ready(): void;
  /** A host of the plan came to its end before it served. */
  startFailed(reason: string): void;
  observe?: ((event: StageEvent) => void) | undefined;
}

/** A trial of the next hosts; `served` when the first of them can take batches, or the lane is stopped: then none comes. */
export interface KeeperTrial extends Trial {
  served(): void;
}

type Phase = "away" | "starting" | "serving";
interface End {
  readonly wished: boolean;
  readonly refused: boolean;
  readonly reason: string;
  readonly exit?: HostExit;
}

/** Its host left the lane, or the lane its host. */
const HANDED_OVER: End = { wished: true, refused: false, reason: "was handed over" };

/** What the plugin itself said at its very first start: it would say so again. A crash or a time-out may pass. */
const REFUSALS: ReadonlySet<string> = new Set(["plugin.definition", "plugin.load", "plugin.threw"]);

export class LaneKeeper {
  readonly lane: Lane;
  /** What the next host runs. */
  plan: StagePlan;
  trial: KeeperTrial | undefined;
  readonly #ports: KeeperPorts;
  #phase: Phase = "away";
  #next: Successor | undefined;
  #present: StageHost | undefined;
  #left = Promise.withResolvers<void>();
  #superseded = false;
  #stopping = false;
  #running = false;
  #waiting: (() => void)[] = [];
  /** The last one whose end was told. */
  #observed: StageHost | undefined;
  /** Hosts that began here, and those of them that a swap brought. */
  lives = 0;
  handOvers = 0;
  /** For people: since when the present host serves, and how the last one ended. */
  servesSinceMs: number | undefined;
  lastExit: LastExit | undefined;

  constructor(lane: Lane, plan: StagePlan, ports: KeeperPorts) {
    this.lane = lane;
    this.plan = plan;
    this.#ports = ports;
  }

  /** Its supervisor has it run, and has not asked for its end: there is, or will be, a host. */
  get running(): boolean {
    return this.#running && !this.#stopping;
  }

  /** Resolves when a host serves, also when one does already; or when the lane is stopped. */
  serves(): Promise<void> {
    if (this.#phase === "serving" && this.lane.serving) return Promise.resolve();
    return new Promise((resolve) => {
      this.#waiting.push(resolve);
    });
  }

  /** The host that it has, or is starting. */
  get present(): StageHost | undefined {
    return this.#present;
  }

  /** One incarnation, as the supervisor sees it. */
  run(): RunningChild {
    const started = Promise.withResolvers<void>();
    this.#stopping = false;
    this.#running = true;
    this.lane.open();
    const exited = this.#keep(started.resolve);
    const terminate: RunningChild["terminate"] = (how) => {
      this.#stopping = true;
      if (how === "kill") this.lane.kill("was stopped");
      else this.lane.stop();
    };
    return { started: started.promise, exited, terminate };
  }

  /**
   * The successor takes over, or else another of the plan. Nothing may be inside. Gives the host that has served until now,
   * which lives on; one that was only starting is ended.
   */
  handOver(next: Successor | undefined): StageHost | undefined {
    this.#expect(next);
    if (this.#phase === "serving" && this.lane.serving) {
      const before = this.lane.detach();
      this.#left.resolve();
      return before;
    }
    if (this.#phase !== "away") {
      this.#superseded = true;
      this.#present?.kill("was replaced before it served");
    }
    return undefined;
  }

  /** The present host is given up, whatever it is doing, and the successor, or another of the plan, follows. */
  retreat(next: Successor | undefined, reason: string): void {
    const present = this.#present;
    this.#superseded = true;
    this.#expect(next);
    if (this.#phase === "serving") {
      this.lane.detach();
      this.#left.resolve();
    }
    present?.kill(reason);
    void present?.ended.then((exit) => this.#observeEnd(present, exit));
  }

  /** One that was expected before and has not come is of no use any more. */
  #expect(next: Successor | undefined): void {
    this.#forgetNext();
    this.#next = next;
    this.handOvers++;
  }

  #forgetNext(): void {
    const before = this.#next;
    this.#next = undefined;
    if (before)
      void Promise.resolve(before.host).then(
        (host) => this.#ports.retire(host),
        () => {}, // it never came
      );
  }

  async #keep(started: () => void): ReturnType<() => RunningChild["exited"]> {
    for (;;) {
      this.lives++;
      const end = await this.#life(started);
      this.#phase = "away";
      if (this.#stopping || !end.wished) {
        this.#running = !this.#stopping;
        if (this.#stopping) this.#nobodyFollows();
        return reasonOf(end);
      }
    }
  }

  /** One host from its start, or its coming, to its end or its leaving. */
  async #life(started: () => void): Promise<End> {
    const { lane } = this;
    const successor = this.#next;
    this.#next = undefined;
    this.#present = undefined;
    this.#superseded = false;
    this.#left = Promise.withResolvers();
    this.#phase = "starting";
    let host: StageHost | undefined;
    try {
      host = await this.#come(successor);
      await this.#attach(host, successor);
    } catch (thrown) {
      return this.#failedStart(host, thrown);
    }
    this.#phase = "serving";
    this.servesSinceMs = this.#ports.clock.monotonic();
    this.#ports.observe?.({ event: "host_ready", lane: lane.number, pid: host.pid! }); // it serves: it was spawned
    started();
    this.#tellWaiting();
    this.trial?.served();
    this.#ports.ready();
    const exit = await Promise.race([host.ended, this.#left.promise]);
    this.servesSinceMs = undefined;
    if (!exit) return HANDED_OVER;
    this.#observeEnd(host, exit);
    await this.lane.undoubted(); // who follows depends on it
    return this.#endOf(exit);
  }

  /** The host to use, with this lane as its user: it can be ended from now on. */
  async #come(successor: Successor | undefined): Promise<StageHost> {
    const fresh = (): StageHost => this.#ports.standby(this.plan) ?? this.#ports.launch(this.plan, this.lane.number);
    const coming = successor?.host ?? fresh();
    const host = coming instanceof Promise ? await coming : coming;
    this.#present = host;
    this.lane.adopt(host);
    if (this.#superseded) host.kill("was replaced before it served");
    await host.initialise();
    return host;
  }

  async #attach(host: StageHost, successor: Successor | undefined): Promise<void> {
    if (host.alive) await this.lane.attach(host, successor?.past ?? this.#ports.past(), this.trial);
    if (!host.alive) throw new Failure("plugin.exited", `the plugin's process ${(await host.ended).reason}`);
  }

  async #failedStart(host: StageHost | undefined, thrown: unknown): Promise<End> {
    const { code, message } = toFailure(thrown, "plugin.start");
    const exit = await host?.ended;
    if (host && exit) this.#observeEnd(host, exit);
    if (this.#superseded || this.#stopping) return { ...HANDED_OVER, reason: message };
    if (this.trial) {
      this.trial.failed(message);
      return HANDED_OVER;
    }
    this.#ports.startFailed(message);
    const refused = !this.lane.hasServed && REFUSALS.has(code);
    return { wished: false, refused, reason: message, ...(exit && { exit }) };
  }

  #endOf(exit: HostExit): End {
    return { wished: this.lane.endWasExpected || this.#superseded, refused: false, reason: exit.reason, exit };
  }

  /** It was stopped: whoever waits for its next host waits in vain, and that host would wait until somebody starts it again. */
  #nobodyFollows(): void {
    this.#forgetNext();
    this.#tellWaiting();
    this.trial?.served();
  }

  #tellWaiting(): void {
    for (const tell of this.#waiting.splice(0)) tell();
  }

  #observeEnd(host: StageHost, { code, reason, signal }: HostExit): void {
    if (this.#observed === host) return;
    this.#observed = host;
    this.lastExit = { code, signal, reason, atMs: this.#ports.clock.now() };
    this.#ports.observe?.({ event: "host_exited", lane: this.lane.number, pid: host.pid, reason });
  }
}

function reasonOf({ exit, reason, refused }: End): ExitReason {
  const how = exit && { exitCode: exit.code, signal: exit.signal };
  return { kind: refused ? "refused" : "crash", detail: reason, ...how };
}

/**
 * The processes that share a gateway's port with the main one: kept running (each is started again at once when it dies, and later and
 * later when it goes on dying), told what the main process is told, counted together with it.
 */
import { pause } from "../../../base/clock.ts";
import { messageOf } from "../../../base/errors.ts";
import type { Logger } from "../../../base/log.ts";
import type { SharedMessage } from "../../../edge/gateway/limit/index.ts";
import { Supervision, type TreeNode } from "../../../process/supervise/index.ts";
import type { LimitPeers } from "../limit-sharing.ts";
import { mergeSnapshots, withoutPresent } from "../merge-snapshots.ts";
import type { GatewaySnapshot } from "../snapshot.ts";
import { GatewayProcess, type ProcessPorts } from "./gateway-process.ts";

/** Between deaths of one that does not live long: doubled from the first to the last. */
const RESTART_MS_MIN = 100;
const RESTART_MS_MAX = 10_000;
/** One that has run so long is well. */
const STABLE_MS = 30_000;
/** Never reached with the delays above: a gateway does not give up, the main process serves on. */
const RESTARTS = { maxRestarts: 10_000, restartPeriodMs: 1_000 } as const;
/** What is told when all listen waits no longer: the main process serves already. */
const ALL_STARTED_MS = 15_000;
/** Draining is over a moment behind the grace that requests have. */
const DRAIN_EXTRA_MS = 2_000;

export interface FamilyPorts extends Omit<ProcessPorts, "counted" | "limits" | "log" | "output"> {
  readonly logger: Logger;
  /** Of limits, from that one. */
  readonly limits: (peer: string, message: SharedMessage) => void;
}

export class GatewayProcesses implements LimitPeers {
  readonly isInside = true;
  readonly #ports: FamilyPorts;
  readonly #supervision: Supervision;
  readonly #running = new Map<string, GatewayProcess>();
  /** Of each that runs, what it counted last; and of all that have ended, together. */
  readonly #counted = new Map<string, GatewaySnapshot>();
  #past: GatewaySnapshot | undefined;
  #isDraining = false;

  /** `count` beside the main process. */
  constructor(count: number, ports: FamilyPorts) {
    this.#ports = ports;
    const specs = Array.from({ length: count }, (_, at) => ({ id: `process-${at + 2}` }));
    this.#supervision = new Supervision(
      specs,
      { name: "processes", startup: "together", ...RESTARTS, restartDelayMs: delayMs, stableAfterMs: STABLE_MS },
      {
        clock: ports.clock,
        spawn: (id) => this.#spawn(id),
        escalated: (id, reason) => ports.logger.error(`${id} is not started any more: ${reason}`),
        describe: (id) => {
          const process = this.#running.get(id);
          return process && { pid: process.pid };
        },
      },
    );
  }

  /** Resolves when all listen; fails never: one that cannot is tried again and again. */
  async start(): Promise<void> {
    const waiting = new AbortController();
    const all = this.#supervision.start().catch((thrown) => this.#ports.logger.error(messageOf(thrown)));
    await Promise.race([all, pause(this.#ports.clock, ALL_STARTED_MS, waiting.signal)]);
    waiting.abort();
  }

  /** That are alive. */
  get count(): number {
    return this.#running.size;
  }

  /** The file is good: the main process goes by it. One that cannot follow is ended, and begins anew. */
  async reload(text: string): Promise<void> {
    await Promise.all(
      [...this.#running].map(async ([id, process]) => {
        try {
          await process.reload(text);
        } catch (thrown) {
          if (this.#running.get(id) !== process) return; // it died: the next one begins with this text
          this.#ports.logger.error(`${id} did not reload and is started anew: ${messageOf(thrown)}`);
          process.terminate("kill");
        }
      }),
    );
  }

  /** All processes together, as they counted last. */
  merged(own: GatewaySnapshot): GatewaySnapshot {
    const past = this.#past === undefined ? [] : [this.#past];
    return mergeSnapshots(own, [...this.#counted.values(), ...past]);
  }

  /** Asks all what they have counted. */
  async look(withProposals = false): Promise<void> {
    await Promise.all([...this.#running.values()].map((process) => process.look(withProposals)));
  }

  /** Takes no more connections; resolves when nothing is under way, and none of them is left. */
  async drain(graceMs: number): Promise<void> {
    this.#isDraining = true;
    const waiting = new AbortController();
    const all = Promise.all([...this.#running.values()].map((process) => process.drain(graceMs)));
    await Promise.race([all, pause(this.#ports.clock, graceMs + DRAIN_EXTRA_MS, waiting.signal)]);
    waiting.abort();
    await this.#supervision.stop();
  }

  /** At once. */
  async close(): Promise<void> {
    this.#isDraining = true;
    await this.#supervision.abort();
  }

  /** Checks of the main process have found something out. */
  tellHealth(): void {
    for (const process of this.#running.values()) process.tellHealth();
  }

  tree(): TreeNode {
    return this.#supervision.tree();
  }

  // As peers that limits are counted with. One that is started again is another: what the one before had under way is over.

  names(): readonly string[] {
    return [...this.#running.values()].map(peerName);
  }

  send(peer: string, message: SharedMessage): void {
    for (const process of this.#running.values()) if (peerName(process) === peer) process.tellLimits(message);
  }

  #spawn(id: string): GatewayProcess {
    const { logger, limits, ...ports } = this.#ports;
    const log = logger.child({ process: id });
    const process = new GatewayProcess({
      ...ports,
      limits: (message) => limits(peerName(process), message),
      counted: (snapshot) => this.#counted.set(id, snapshot),
      log: ({ fields, level, message }) => level !== "silent" && log[level](message, fields),
      output: (line) => log.warn(line),
    });
    this.#running.set(id, process);
    void process.exited.then(({ detail }) => this.#ended(id, detail));
    return process;
  }

  #ended(id: string, reason: string): void {
    this.#running.delete(id);
    const last = this.#counted.get(id);
    this.#counted.delete(id);
    if (last) this.#past = mergeSnapshots(withoutPresent(last), this.#past === undefined ? [] : [this.#past]);
    if (!this.#isDraining) this.#ports.logger.warn(`${id} ${reason}; another one is started`);
  }
}

/** No node has such a name. */
function peerName({ pid }: GatewayProcess): string {
  return `/${pid}`;
}

/** At once the first time. */
function delayMs(failures: number): number {
  return failures <= 1 ? 0 : Math.min(RESTART_MS_MAX, RESTART_MS_MIN * 2 ** (failures - 2));
}

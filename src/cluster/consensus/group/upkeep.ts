/**
 * Disks forget: every now and then all that a log has on its disk is read again, while the entries are in memory still. What has
 * rotted is written anew from there, before a restart would have to ask others for it.
 */
import type { Clock, Timer } from "../../../base/clock.ts";
import { messageOf } from "../../../base/errors.ts";
import type { GroupLog, LogFinding } from "./ports.ts";

/** A log of 64 MiB is read in a tenth of a second; disks rot over months. */
const SCRUB_EVERY_MS = 3_600_000;

export interface UpkeepPorts {
  readonly clock: Clock;
  readonly log: Pick<GroupLog, "scrub">;
  /** Writes all entries anew. */
  readonly rewrite: () => Promise<void>;
  readonly takeSnapshot: () => Promise<unknown>;
  readonly tell: (text: string, fields?: Readonly<Record<string, unknown>>) => void;
}

export class Upkeep {
  readonly #ports: UpkeepPorts;
  readonly #end = new AbortController();
  #timer: Timer | undefined;

  constructor(ports: UpkeepPorts) {
    this.#ports = ports;
    this.#arm();
  }

  /** What was found; what can be written anew is when this resolves, and what cannot is told. Fails as the disk does. */
  async look(signal: AbortSignal): Promise<readonly LogFinding[]> {
    const findings = await this.#ports.log.scrub(signal);
    const bad = findings.filter(({ severity }) => severity !== "info");
    for (const { file, message } of bad) this.#ports.tell(`its disk has forgotten something: ${message}`, { file });
    if (bad.some(({ code }) => code === BAD_SNAPSHOT)) await this.#ports.takeSnapshot();
    if (bad.some(({ code }) => code !== BAD_SNAPSHOT)) await this.#ports.rewrite();
    if (bad.length > 0) await this.#tellOutcome(signal);
    return findings;
  }

  close(): void {
    this.#end.abort();
    this.#timer?.cancel();
  }

  /** Only what has been read again is good. */
  async #tellOutcome(signal: AbortSignal): Promise<void> {
    const { log, tell } = this.#ports;
    const left = (await log.scrub(signal)).filter(({ severity }) => severity !== "info");
    if (left.length === 0) return tell("what was damaged is written anew");
    for (const { file, message } of left) tell(`it is damaged still, after it was written anew: ${message}`, { file });
  }

  #arm(): void {
    this.#timer = this.#ports.clock.after(SCRUB_EVERY_MS, () => {
      this.look(this.#end.signal)
        .catch((thrown) => {
          if (!this.#end.signal.aborted) this.#ports.tell("its log cannot be checked", { reason: messageOf(thrown) });
        })
        .finally(() => {
          if (!this.#end.signal.aborted) this.#arm();
        });
    });
  }
}

/** The code of `consensus/log`. */
const BAD_SNAPSHOT = "raft.log.bad_snapshot";

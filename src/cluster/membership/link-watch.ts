/**
 * What links say of peers: a detector for each linked peer is fed with its heart-beats, and a look now and then turns phi
 * into `fresh` or `silent`. Only changes are told. It opens no links and judges no members.
 */
import type { Clock, Timer } from "../../base/clock.ts";
import { PhiDetector, type PhiOptions } from "../../protocol/phi/index.ts";
import type { LinkState } from "../../protocol/swim/index.ts";

export interface LinkWatchOptions {
  readonly phi: PhiOptions;
  /** From here on a peer is silent. */
  readonly silentAt: number;
  readonly lookIntervalMs: number;
  readonly peersMax: number;
}

export interface PhiCounts {
  /** Peers with a link. */
  readonly linked: number;
  readonly beats: number;
  /** How often one fell silent. */
  readonly silences: number;
  readonly closes: number;
}

interface Watched {
  readonly detector: PhiDetector;
  state: "fresh" | "silent";
}

export class LinkWatch {
  readonly #clock: Clock;
  readonly #options: LinkWatchOptions;
  readonly #tell: (id: string, state: LinkState) => void;
  readonly #watched = new Map<string, Watched>();
  readonly #numbers = { beats: 0, silences: 0, closes: 0 };
  #timer: Timer | undefined;

  constructor(clock: Clock, options: LinkWatchOptions, tell: (id: string, state: LinkState) => void) {
    this.#clock = clock;
    this.#options = options;
    this.#tell = tell;
  }

  beat(id: string): void {
    let watched = this.#watched.get(id);
    const isNew = watched === undefined;
    if (watched === undefined) {
      if (this.#watched.size >= this.#options.peersMax) return;
      watched = { detector: new PhiDetector(this.#options.phi), state: "fresh" };
      this.#watched.set(id, watched);
    }
    this.#numbers.beats++;
    watched.detector.heartbeat(this.#clock.monotonic());
    const wasSilent = watched.state === "silent";
    watched.state = "fresh";
    if (isNew || wasSilent) this.#tell(id, "fresh");
    this.#timer ??= this.#clock.after(this.#options.lookIntervalMs, () => this.#look());
  }

  close(id: string, state: "closed" | "none"): void {
    if (!this.#watched.delete(id)) return;
    this.#numbers.closes++;
    this.#tell(id, state);
  }

  /** The member has just become known: what its link says was told to nobody. */
  retell(id: string): void {
    const watched = this.#watched.get(id);
    if (watched) this.#tell(id, watched.state);
  }

  /** The member is gone: its link is of no interest any more. */
  forget(id: string): void {
    this.#watched.delete(id);
  }

  /** Undefined while there is no link. */
  phi(id: string): number | undefined {
    return this.#watched.get(id)?.detector.phi(this.#clock.monotonic());
  }

  counts(): PhiCounts {
    return { linked: this.#watched.size, ...this.#numbers };
  }

  stop(): void {
    this.#timer?.cancel();
    this.#watched.clear();
  }

  #look(): void {
    this.#timer = undefined;
    const nowMs = this.#clock.monotonic();
    for (const [id, watched] of this.#watched) {
      if (watched.state === "silent" || watched.detector.phi(nowMs) < this.#options.silentAt) continue;
      watched.state = "silent";
      this.#numbers.silences++;
      this.#tell(id, "silent");
    }
    if (this.#watched.size > 0) this.#timer = this.#clock.after(this.#options.lookIntervalMs, () => this.#look());
  }
}

/** Counts of what went over the ports. */
import type { Swim } from "../../protocol/swim/index.ts";
import type { PhiCounts } from "./link-watch.ts";

export interface MembershipCounts {
  readonly datagramsIn: number;
  readonly datagramsOut: number;
  readonly bytesIn: number;
  readonly bytesOut: number;
  /** Datagrams and push-pulls that were not taken, by reason: the seal's reasons, `malformed`, `version`, `oversized`, `impostor`. */
  readonly dropped: Readonly<Record<string, number>>;
  readonly syncsSent: number;
  readonly syncsAnswered: number;
  readonly syncsFailed: number;
  readonly syncBytesIn: number;
  readonly syncBytesOut: number;
  readonly suspicions: number;
  readonly phi: PhiCounts;
  readonly swim: ReturnType<Swim["counts"]>;
}

/** Reasons told apart; what a port makes up beyond is counted as `other`. */
const REASONS_MAX = 32;

export class Tally {
  readonly numbers = {
    datagramsIn: 0,
    datagramsOut: 0,
    bytesIn: 0,
    bytesOut: 0,
    syncsSent: 0,
    syncsAnswered: 0,
    syncsFailed: 0,
    syncBytesIn: 0,
    syncBytesOut: 0,
    suspicions: 0,
  };
  readonly #dropped = new Map<string, number>();

  drop(reason: string): void {
    const name = this.#dropped.has(reason) || this.#dropped.size < REASONS_MAX ? reason : "other";
    this.#dropped.set(name, (this.#dropped.get(name) ?? 0) + 1);
  }

  counts(phi: PhiCounts, swim: MembershipCounts["swim"]): MembershipCounts {
    return { ...this.numbers, dropped: Object.fromEntries(this.#dropped), phi, swim };
  }
}

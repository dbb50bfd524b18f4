/** When certificates end, and who is told before: whoever starts or checks a file, and once a day whoever reads the log of a gateway that runs on. */
import type { Clock, Timer } from "../../base/clock.ts";

const DAY_MS = 24 * 3_600_000;
/** What renews certificates by itself has mostly done so a month before. */
const SOON_MS_MAX = 21 * DAY_MS;
/** Of a certificate's whole time: some live for days only. */
const SOON_SHARE = 1 / 4;

export interface CertificateTime {
  /** `tls_certificate=server.crt` */
  readonly file: string;
  readonly subject: string;
  /** Milliseconds since the epoch. */
  readonly fromMs: number;
  readonly endMs: number;
}

/** Undefined: it is good, and for some time more. */
export function timeNote({ endMs, file, fromMs, subject }: CertificateTime, nowMs: number): string | undefined {
  const who = `${file}: the certificate of ${subject}`;
  const end = new Date(endMs).toISOString();
  if (endMs < nowMs) return `${who} has expired on ${end}`;
  if (fromMs > nowMs) return `${who} is good from ${new Date(fromMs).toISOString()} only`;
  const leftMs = endMs - nowMs;
  if (leftMs >= Math.min(SOON_MS_MAX, (endMs - fromMs) * SOON_SHARE)) return undefined;
  const days = Math.floor(leftMs / DAY_MS);
  return `${who} expires on ${end}, in ${days === 0 ? "less than a day" : days === 1 ? "a day" : `${days} days`}`;
}

/** Files that several routes name are one. */
export function byFile(times: readonly CertificateTime[]): readonly CertificateTime[] {
  return [...new Map(times.map((time) => [time.file, time])).values()];
}

export interface CertificateWatchPorts {
  readonly clock: Clock;
  /** As they are used now. */
  readonly times: () => readonly CertificateTime[];
  readonly warn: (text: string) => void;
}

/** Begins a day after it is made: what there is at the start, or by a reload, is told then. */
export class CertificateWatch {
  readonly #ports: CertificateWatchPorts;
  #timer: Timer;

  constructor(ports: CertificateWatchPorts) {
    this.#ports = ports;
    this.#timer = this.#next();
  }

  close(): void {
    this.#timer.cancel();
  }

  #next(): Timer {
    return this.#ports.clock.after(DAY_MS, () => this.#look());
  }

  #look(): void {
    const { clock, times, warn } = this.#ports;
    for (const time of times()) {
      const text = timeNote(time, clock.now());
      if (text !== undefined) warn(text);
    }
    this.#timer = this.#next();
  }
}

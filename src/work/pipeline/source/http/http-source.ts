/**
 * Records that others post. What was answered with 202 lies in a spool on the disk until it is committed; reading is reading
 * that spool, so a batch that is read again is the same. It never ends by itself.
 */
import type { Clock, Timer } from "../../../../base/clock.ts";
import { Failure } from "../../../../base/errors.ts";
import type { Cut, HttpPosition, PostAnswer, Posted, ReadLimits, Source, SourcePosition } from "../source.ts";
import { failureAnswer } from "./answer.ts";
import { closing, Intake } from "./intake.ts";
import { type ListeningServer, startServer } from "./server.ts";
import type { HttpSettings } from "./settings.ts";
import { Spool } from "./spool.ts";
import { type Gathered, Gathering, type SpoolPlace } from "./spool-reader.ts";

export interface HttpSourceOptions {
  readonly settings: HttpSettings;
  /** Of the spool; nobody else's. */
  readonly directory: string;
  readonly clock: Clock;
  /** Called with the URL when requests are taken. */
  readonly listening?: ((url: string) => void) | undefined;
}

const FORMAT = { kind: "ndjson" } as const;
/** For requests that have begun to arrive when the pipeline stops; a slower one is cut off, and its sender asks again. */
const CLOSE_GRACE_MS = 2000;

export class HttpSource implements Source {
  readonly totalBytes = undefined;
  readonly #options: HttpSourceOptions;
  #isClosed = false;
  #spool: Spool | undefined;
  #intake: Intake | undefined;
  #server: ListeningServer | undefined;
  #place: SpoolPlace = { offset: 0, frame: 0, line: 1 };

  constructor(options: HttpSourceOptions) {
    this.#options = options;
  }

  /** Fails with `source.spool_damaged`, `source.position`, `source.http.listen`, `source.http.tls`. */
  async open(position: SourcePosition | undefined): Promise<void> {
    const { clock, directory, listening, settings } = this.#options;
    const spool = new Spool({ directory, keysMax: settings.keysMax });
    this.#spool = spool;
    this.#place = position
      ? placeOf(position, spool, directory)
      : { offset: spool.committed, frame: spool.committed, line: 1 };
    if (position) spool.commit(this.#place.frame);
    const intake = new Intake(settings, spool, clock);
    this.#intake = intake;
    this.#server = await startServer(settings, (request, response) => intake.handle(request, response));
    listening?.(`${this.#server.url}${settings.path}`);
  }

  async read(target: Uint8Array, limits: ReadLimits): Promise<Cut | undefined> {
    const spool = this.#spool!; // opened before it is read
    const gathering = new Gathering(spool, this.#place, target, limits);
    const linger = new Linger(this.#options.clock, this.#options.settings.lingerMs);
    try {
      while (!this.#isClosed) {
        const changed = spool.changed();
        const gathered = gathering.more();
        if (gathered) return this.#cutOf(gathered);
        if (gathering.isEmpty) await changed;
        else if ((await Promise.race([changed, linger.over()])) === "late") await spool.markCut();
      }
    } finally {
      linger.cancel();
    }
    return undefined;
  }

  committed(position: SourcePosition): void {
    if (position.kind === "http") this.#spool?.commit(position.frame);
  }

  async post(posted: Posted): Promise<PostAnswer> {
    return this.#intake && !this.#isClosed ? this.#intake.post(posted) : failureAnswer(closing());
  }

  /** What senders have begun is answered, where they are quick; a read that waits gets undefined. */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#spool?.wake();
    this.#server?.refuse();
    const answered = this.#intake?.close();
    const hurry = this.#options.clock.after(CLOSE_GRACE_MS, () => void this.#server?.close());
    await answered;
    hurry.cancel();
    await this.#server?.close();
    await this.#spool?.close();
  }

  #cutOf({ bytes, end, oversized, rows, start, timeMs }: Gathered): Cut {
    this.#place = end;
    const { path } = this.#options.settings;
    const position: HttpPosition = { v: 1, kind: "http", path, ...end };
    const traceparent = this.#spool!.traces.between(start.frame, end.offset); // it was read from
    return {
      ...(traceparent !== undefined && { traceparent }),
      id: `http:${path}@${start.offset}`,
      bytes,
      rows,
      line: start.line,
      timeMs,
      format: FORMAT,
      position,
      progressBytes: end.offset,
      oversized,
    };
  }
}

/** The time that a batch waits for more; it runs from when it is first asked for. */
class Linger {
  readonly #clock: Clock;
  readonly #ms: number;
  #timer: Timer | undefined;
  #over: Promise<"late"> | undefined;

  constructor(clock: Clock, ms: number) {
    this.#clock = clock;
    this.#ms = ms;
  }

  over(): Promise<"late"> {
    this.#over ??= new Promise((resolve) => {
      this.#timer = this.#clock.after(this.#ms, () => resolve("late"));
    });
    return this.#over;
  }

  cancel(): void {
    this.#timer?.cancel();
  }
}

function placeOf(position: SourcePosition, spool: Spool, directory: string): SpoolPlace {
  const { frame, line, offset } = position as HttpPosition; // whether it is one is what is asked here
  const counts = [frame, line, offset].every((count) => Number.isSafeInteger(count) && count >= 0);
  if (position.v !== 1 || position.kind !== "http" || !counts || offset < frame) {
    const shown = JSON.stringify(position).slice(0, 200);
    throw new Failure(
      "source.position",
      `cannot go on from ${shown}: a position of source:http is required; start over with --fresh`,
    );
  }
  if (frame >= spool.start && offset <= spool.durable) return { frame, line, offset };
  throw new Failure(
    "source.position",
    `cannot go on at offset ${offset}: the spool ${directory} holds ${spool.start} to ${spool.durable}; restore it or start over with --fresh`,
  );
}

/**
 * A service's stream over HTTP: one JSON text a line (NDJSON), or server-sent events when the caller asks for them. Items are
 * taken from the service as the caller reads. What goes wrong before the first item is an answer like any other; later
 * it is the last line, `{"error": …}`, or the event `error`: a stream is never cut without a word. An end in peace is the
 * event `end`, or simply the end of the lines. A silent stream of events is kept open by comments; nobody reads NDJSON with
 * anything but items in it. When the caller has gone, or only asked for the headers, the method is ended.
 */
import type { Clock, Timer } from "../../base/clock.ts";
import { type Failure, toFailure } from "../../base/errors.ts";
import { HEARTBEAT_MS } from "./limits.ts";
import { problemText, SAFE_HEADERS } from "./problem.ts";

/** What a request came by. */
export interface Connection {
  /** From now on it may be silent for any time. */
  readonly patient?: () => void;
}

export interface StreamAsker {
  readonly request: Request;
  readonly clock: Clock;
  readonly connection?: Connection | undefined;
}

/** Bytes of one line. */
type Write = (text: Uint8Array) => Uint8Array;

interface Format {
  readonly type: string;
  readonly item: Write;
  readonly failure: (failure: Failure) => Uint8Array;
  readonly end: Uint8Array;
  /** Means nothing to the reader. */
  readonly heartbeat?: Uint8Array;
}

const [NEWLINE, DATA, BLANK] = [Buffer.from("\n"), Buffer.from("data: "), Buffer.from("\n\n")];

/** Items are JSON texts without line breaks, as `JSON.stringify` makes them; others are made so. */
const LINES: Format = {
  type: "application/x-ndjson",
  item: (text) => Buffer.concat([oneLine(text), NEWLINE]),
  failure: (failure) => Buffer.from(`{"error":${problemText(failure)}}\n`),
  end: new Uint8Array(0),
};

const EVENTS: Format = {
  type: "text/event-stream",
  item: (text) => Buffer.concat([DATA, oneLine(text), BLANK]),
  failure: (failure) => Buffer.from(`event: error\ndata: ${problemText(failure)}\n\n`),
  end: Buffer.from("event: end\ndata: {}\n\n"),
  heartbeat: Buffer.from(":\n\n"),
};

/** Opens a stream that ends with the signal. */
export type OpenStream = (signal: AbortSignal) => AsyncIterable<Uint8Array>;

/** Fails with what the stream fails with before its first item. */
export async function streamResponse(open: OpenStream, asker: StreamAsker): Promise<Response> {
  const { clock, connection, request } = asker;
  const format = /\btext\/event-stream\b/.test(request.headers.get("accept") ?? "") ? EVENTS : LINES;
  connection?.patient?.();
  const items = new Items(open, request.signal);
  const first = await items.next();
  const init = { headers: { "content-type": format.type, ...SAFE_HEADERS } };
  if (request.method === "HEAD") {
    items.end();
    return new Response(null, init);
  }
  const source = new Source({ items, first, format, clock });
  return new Response(new ReadableStream<Uint8Array>(source, { highWaterMark: 0 }), init);
}

/** What the service gives, until it has ended or nobody wants it any longer. */
class Items {
  readonly #iterator: AsyncIterator<Uint8Array>;
  readonly #gone = new AbortController();

  constructor(open: OpenStream, caller: AbortSignal) {
    this.#iterator = open(this.#gone.signal)[Symbol.asyncIterator]();
    if (caller.aborted) this.end();
    else caller.addEventListener("abort", () => this.end(), { once: true });
  }

  next(): Promise<IteratorResult<Uint8Array>> {
    return this.#iterator.next();
  }

  /** An item that is being waited for would hold up `return`: the signal ends that. */
  end(): void {
    if (this.#gone.signal.aborted) return;
    this.#gone.abort();
    this.#iterator.return?.().catch(() => {}); // how it ends is nobody's concern any more
  }
}

interface SourceParts {
  readonly items: Items;
  readonly first: IteratorResult<Uint8Array>;
  readonly format: Format;
  readonly clock: Clock;
}

type Controller = ReadableStreamDefaultController<Uint8Array>;

class Source {
  readonly #items: Items;
  readonly #format: Format;
  readonly #clock: Clock;
  #first: IteratorResult<Uint8Array> | undefined;
  #toldMs: number;
  #timer: Timer | undefined;
  #isOver = false;

  constructor({ items, first, format, clock }: SourceParts) {
    this.#items = items;
    this.#first = first;
    this.#format = format;
    this.#clock = clock;
    this.#toldMs = clock.monotonic();
  }

  start(controller: Controller): void {
    const { heartbeat } = this.#format;
    if (heartbeat) this.#beatLater(controller, heartbeat);
  }

  async pull(controller: Controller): Promise<void> {
    try {
      const { done, value } = this.#first ?? (await this.#items.next());
      this.#first = undefined;
      if (this.#isOver) return;
      this.#toldMs = this.#clock.monotonic();
      if (done) this.#end(controller, this.#format.end);
      else controller.enqueue(this.#format.item(value));
    } catch (thrown) {
      if (!this.#isOver) this.#end(controller, this.#format.failure(toFailure(thrown, "rpc.defect")));
    }
  }

  cancel(): void {
    this.#isOver = true;
    this.#timer?.cancel();
    this.#items.end();
  }

  #end(controller: Controller, last: Uint8Array): void {
    this.#isOver = true;
    this.#timer?.cancel();
    if (last.length > 0) controller.enqueue(last);
    controller.close();
  }

  /** One that nobody has read yet is enough: a reader that stands still is not sent another. */
  #beatLater(controller: Controller, heartbeat: Uint8Array): void {
    const quietMs = this.#clock.monotonic() - this.#toldMs;
    this.#timer = this.#clock.after(Math.max(1, HEARTBEAT_MS - quietMs), () => {
      if (this.#clock.monotonic() - this.#toldMs >= HEARTBEAT_MS) {
        if (controller.desiredSize === 0) controller.enqueue(heartbeat.slice()); // a stream may keep the bytes that it is given
        this.#toldMs = this.#clock.monotonic();
      }
      this.#beatLater(controller, heartbeat);
    });
  }
}

/** Between tokens of JSON a line break is nothing but space, and within them there is none. */
function oneLine(text: Uint8Array): Uint8Array {
  if (!text.includes(0x0a) && !text.includes(0x0d)) return text;
  return text.map((byte) => (byte === 0x0a || byte === 0x0d ? 0x20 : byte));
}

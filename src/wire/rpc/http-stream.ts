/**
 * A service's stream over HTTP: one JSON text a line (NDJSON), or server-sent events when the caller asks for them. Items are
 * taken from the service as the caller reads. What goes wrong before the first item is an answer like any other; later
 * it is the last line, `{"error": …}`, or the event `error`: a stream is never cut without a word. An end in peace is the
 * event `end`, or simply the end of the lines.
 */
import { type Failure, toFailure } from "../../base/errors.ts";
import { problemText, SAFE_HEADERS } from "./problem.ts";

/** Bytes of one line. */
type Write = (text: Uint8Array) => Uint8Array;

interface Format {
  readonly type: string;
  readonly item: Write;
  readonly failure: (failure: Failure) => Uint8Array;
  readonly end: Uint8Array;
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
};

/** Fails with what the stream fails with before its first item. */
export async function streamResponse(items: AsyncIterable<Uint8Array>, request: Request): Promise<Response> {
  const format = /\btext\/event-stream\b/.test(request.headers.get("accept") ?? "") ? EVENTS : LINES;
  const iterator = items[Symbol.asyncIterator]();
  const first = await iterator.next();
  const body = new ReadableStream<Uint8Array>(sourceOf(iterator, first, format), { highWaterMark: 0 });
  return new Response(body, { headers: { "content-type": format.type, ...SAFE_HEADERS } });
}

interface Source {
  pull(controller: ReadableStreamDefaultController<Uint8Array>): Promise<void>;
  cancel(): Promise<void>;
}

function sourceOf(iterator: AsyncIterator<Uint8Array>, first: IteratorResult<Uint8Array>, format: Format): Source {
  let next: IteratorResult<Uint8Array> | undefined = first;
  const end = (controller: ReadableStreamDefaultController<Uint8Array>, last: Uint8Array): void => {
    if (last.length > 0) controller.enqueue(last);
    controller.close();
  };
  return {
    async pull(controller) {
      try {
        const { done, value } = next ?? (await iterator.next());
        next = undefined;
        if (done) end(controller, format.end);
        else controller.enqueue(format.item(value));
      } catch (thrown) {
        end(controller, format.failure(toFailure(thrown, "rpc.defect")));
      }
    },
    async cancel() {
      await iterator.return?.();
    },
  };
}

/** Between tokens of JSON a line break is nothing but space, and within them there is none. */
function oneLine(text: Uint8Array): Uint8Array {
  if (!text.includes(0x0a) && !text.includes(0x0d)) return text;
  return text.map((byte) => (byte === 0x0a || byte === 0x0d ? 0x20 : byte));
}

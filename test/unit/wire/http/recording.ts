/** Readers fed with bytes in any pieces, and what they said, as plain text to compare. */
import {
  type HeaderList,
  type HeadLimits,
  type HttpFault,
  type ReplyHead,
  ReplyReader,
  type RequestHead,
  RequestReader,
} from "../../../../src/wire/http/index.ts";

export const LIMITS: HeadLimits = { headerBytesMax: 1_024, headersMax: 12, targetBytesMax: 200 };

/** One message as it was read. */
export interface Read {
  readonly head: RequestHead | ReplyHead;
  readonly length: number | undefined;
  readonly keepAlive: boolean;
  readonly expectsContinue?: boolean;
  body: string;
  trailers: HeaderList | undefined;
  isWhole: boolean;
}

export interface Readings {
  readonly messages: readonly Read[];
  readonly interims: readonly ReplyHead[];
  readonly fault: HttpFault | undefined;
  /** What was not used. */
  readonly rest: string;
}

class Recorder {
  readonly messages: Read[] = [];
  readonly interims: ReplyHead[] = [];
  fault: HttpFault | undefined;
  reader!: RequestReader | ReplyReader;

  onHead(head: RequestHead | ReplyHead): void {
    const { keepAlive, length } = this.reader;
    const expects = this.reader instanceof RequestReader && this.reader.expectsContinue;
    this.messages.push({
      head: { ...head, headers: [...head.headers] },
      length,
      keepAlive,
      ...(expects && { expectsContinue: true }),
      body: "",
      trailers: undefined,
      isWhole: false,
    });
  }

  onInterim(head: ReplyHead): void {
    this.interims.push(head);
  }

  onData(bytes: Uint8Array): void {
    this.messages.at(-1)!.body += Buffer.from(bytes).toString("latin1");
  }

  onEnd(trailers: HeaderList | undefined): void {
    const last = this.messages.at(-1)!;
    last.trailers = trailers;
    last.isWhole = true;
  }

  onFault(fault: HttpFault): void {
    this.fault = fault;
  }
}

/** All requests that lie behind each other in the pieces. */
export function readRequests(pieces: readonly (string | Uint8Array)[], limits = LIMITS): Readings {
  const recorder = new Recorder();
  recorder.reader = new RequestReader(limits, "http", recorder);
  return readThrough(recorder, pieces, false);
}

/** All replies to requests with these methods; `ends`: the connection ends behind them. */
export function readReplies(
  pieces: readonly (string | Uint8Array)[],
  { ends = false, isUpgrade = false, methods = ["GET"] as readonly string[] } = {},
): Readings {
  const recorder = new Recorder();
  const reader = new ReplyReader(LIMITS, recorder);
  recorder.reader = reader;
  reader.expect(methods[0]!, isUpgrade);
  return readThrough(recorder, pieces, ends, (count) => reader.expect(methods[count] ?? "GET", isUpgrade));
}

function readThrough(
  recorder: Recorder,
  pieces: readonly (string | Uint8Array)[],
  ends: boolean,
  between?: (count: number) => void,
): Readings {
  const { reader } = recorder;
  let rest = "";
  for (const piece of pieces) {
    const bytes = typeof piece === "string" ? Buffer.from(piece, "latin1") : Buffer.from(piece);
    let at = 0;
    while (at < bytes.length && !recorder.fault) {
      const used = reader.feed(bytes.subarray(at));
      at += used;
      if (!reader.isDone) break;
      if (recorder.reader instanceof ReplyReader && (recorder.messages.at(-1)!.head as ReplyHead).status === 101) break;
      reader.next();
      between?.(recorder.messages.length);
    }
    rest += bytes.subarray(at).toString("latin1");
  }
  if (ends) reader.finish();
  return { messages: recorder.messages, interims: recorder.interims, fault: recorder.fault, rest };
}

/** The bytes, cut there. */
export function cut(bytes: Uint8Array, cuts: readonly number[]): Uint8Array[] {
  const places = [...new Set(cuts.map((each) => each % (bytes.length + 1)))].sort((left, right) => left - right);
  const pieces: Uint8Array[] = [];
  let from = 0;
  for (const place of [...places, bytes.length]) {
    if (place > from) pieces.push(bytes.subarray(from, place));
    from = Math.max(from, place);
  }
  return pieces;
}

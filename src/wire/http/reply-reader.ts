/**
 * Reads replies of HTTP/1.0 and 1.1 (RFC 9112): interim ones, then the one that counts. Whoever asks says before each what was asked,
 * for the length of a reply depends on it. An upstream's malformed reply is a fault like a client's.
 */
import { areAll, VALUE } from "./characters.ts";
import { type HttpFault, malformed, shown } from "./fault.ts";
import type { FieldLines, HeadLimits } from "./field-lines.ts";
import { CHUNKED, connectionWords, framingOf, removeNamed, UNTIL_CLOSE } from "./framing.ts";
import { type BodyEvents, MessageReader } from "./message-reader.ts";
import type { HeaderList, ReplyHead } from "./words.ts";

export interface ReplyEvents extends BodyEvents {
  /** 100 to 199 without 101; any number of them. */
  onInterim(head: ReplyHead): void;
  /** Behind a 101 comes `onEnd`, and what the reader does not use is the other protocol's. */
  onHead(head: ReplyHead): void;
}

/** A reply to one request with more interim replies than this is an attempt to keep us reading. */
const INTERIM_MAX = 32;
/** Nobody reads reasons. */
const STATUS_LINE_BYTES_MAX = 1_024;
/** `HTTP/1.1 200` */
const STATUS_LENGTH = 12;

export class ReplyReader extends MessageReader {
  readonly startBytesMax = STATUS_LINE_BYTES_MAX;
  /** Of the body; undefined: chunks, or until the connection ends. */
  length: number | undefined;
  isChunked = false;
  /** The connection can be used again once the reply is over. */
  keepAlive = true;

  readonly #events: ReplyEvents;
  #isHead = false;
  #isUpgrade = false;
  #version: "1.0" | "1.1" = "1.1";
  #status = 0;
  #headers: HeaderList = [];
  #interims = 0;

  constructor(limits: HeadLimits, events: ReplyEvents) {
    super(limits, events, false);
    this.#events = events;
  }

  /** Before each reply (after `next` for a further one): the method that was asked with, and whether an upgrade was asked for. */
  expect(method: string, isUpgrade = false): void {
    this.#isHead = method === "HEAD";
    this.#isUpgrade = isUpgrade;
    this.#interims = 0;
  }

  startTooLong(): HttpFault {
    return malformed("status_line", `the status line has more than ${STATUS_LINE_BYTES_MAX} bytes`);
  }

  onStart(line: string): void {
    const version = line.slice(0, 9);
    this.#version = version === "HTTP/1.0 " ? "1.0" : "1.1";
    this.#status = version === "HTTP/1.1 " || version === "HTTP/1.0 " ? statusOf(line) : 0;
    const hasEnd = line.length === STATUS_LENGTH || line.charCodeAt(STATUS_LENGTH) === 0x20;
    if (this.#status === 0 || !hasEnd || !areAll(VALUE, line, STATUS_LENGTH))
      throw malformed("status_line", `the status line is ${shown(line)}, "HTTP/1.1 200 reason" is required`);
  }

  protected framing(lines: FieldLines): number {
    const told = framingOf(lines, this.#version);
    const words = connectionWords(lines.connection);
    removeNamed(lines.headers, words.named);
    this.#headers = lines.headers;
    const status = this.#status;
    if (status === 101 && (!this.#isUpgrade || this.#version === "1.0"))
      throw malformed("unasked_upgrade", "the reply is 101, and no upgrade was asked for");
    const hasNone = status < 200 || status === 204;
    if (hasNone) removeNamed(lines.headers, ["content-length"]);
    const length = hasNone || status === 304 || this.#isHead ? 0 : (told ?? UNTIL_CLOSE);
    this.length = length < 0 ? undefined : length;
    this.isChunked = length === CHUNKED;
    const stays = this.#version === "1.1" ? !words.close : words.keepAlive && !words.close;
    this.keepAlive = stays && length !== UNTIL_CLOSE && status !== 101;
    return length;
  }

  protected tell(): boolean {
    const head: ReplyHead = { status: this.#status, headers: this.#headers };
    if (this.#status >= 200 || this.#status === 101) {
      this.#events.onHead(head);
      return true;
    }
    if (++this.#interims > INTERIM_MAX)
      throw malformed("interims", `there are more than ${INTERIM_MAX} interim replies`);
    this.#events.onInterim(head);
    return false;
  }
}

/** 0: there is none from 100 to 999. */
function statusOf(line: string): number {
  let status = 0;
  for (let at = 9; at < STATUS_LENGTH; at++) {
    const digit = line.charCodeAt(at) - 0x30;
    if (!(digit >= 0 && digit <= 9)) return 0;
    status = status * 10 + digit;
  }
  return status >= 100 ? status : 0;
}

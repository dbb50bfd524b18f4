/**
 * A body masked as it comes: bytes become text, and what masks make of it becomes bytes again, a piece at a time. So neither the body nor what
 * becomes of it is there as one text. Cut anywhere, it gives byte for byte what the whole gives.
 */
import type { InTurns } from "../../../base/turns.ts";
import { KeptBytes } from "../../../wire/http/index.ts";
import type { MaskBudget } from "./budget.ts";
import { NoJson } from "./json-text.ts";
import type { TextCoding } from "./text-coding.ts";

/** What hides in a text that comes in pieces. */
export interface TextMasking {
  /** Values hidden so far. */
  readonly count: number;
  /** Characters that have come and cannot go on yet. */
  readonly held: number;
  /** With fewer characters than these more `feed` does not look again, unless they are the last: what it holds would be read too often. */
  readonly lookFrom: number;
  /** Yields. Throws NoJson, and `gateway.body_unreadable`. */
  feed(text: string, isLast: boolean): InTurns<void>;
  /** What can go on since it was last asked, the taker's now. No character is cut in two. */
  take(): string[];
}

/** Characters that become bytes at once. */
const ENCODED_AT_ONCE = 256 * 1024;
/** A text is there twice while patterns are looked for in it: as it came, and what becomes of it. */
const COPIES = 2;

export class ByteFlow {
  readonly #mask: TextMasking;
  readonly #coding: TextCoding;
  /** Undefined: it was granted for the whole body. */
  readonly #budget: MaskBudget | undefined;
  readonly #decoder = utf8Decoder();
  /** Fewer than are worth another look: joined, for each small piece of a text would cost many times its size. */
  readonly #kept = new KeptBytes();
  #ready: Uint8Array[] = [];
  /** Bytes, about, of what is ready, and of texts that will be. */
  #readyBytes = 0;
  /** Bytes of a character in memory: two for all of a text where one of them needs two. */
  #width = 1;

  /** `budget`: gets what is due for each piece as it comes. */
  constructor(mask: TextMasking, budget: MaskBudget | undefined, coding: TextCoding = "utf8") {
    this.#mask = mask;
    this.#budget = budget;
    this.#coding = coding;
  }

  /** Values hidden so far. */
  get count(): number {
    return this.#mask.count;
  }

  /** Bytes, about, that wait for what comes behind them, and what is made of them. */
  get held(): number {
    return this.#mask.held * this.#width * COPIES + this.#kept.size + this.#readyBytes;
  }

  /** Yields; then what can go on is there to be taken. Throws NoJson, also where bytes that are called UTF-8 are none, and `gateway.body_unreadable`. */
  *feed(chunk: Uint8Array, isLast: boolean): InTurns<void> {
    this.#budget?.add(chunk.byteLength);
    const { lookFrom } = this.#mask;
    const isEnough = isLast || this.#kept.size + chunk.byteLength >= lookFrom;
    if (this.#kept.size > 0 || !isEnough) this.#kept.push(chunk);
    if (!isEnough) return;
    const bytes = this.#kept.size > 0 ? this.#kept.takeAll() : chunk;
    yield* this.#mask.feed(this.#decode(bytes, isLast), isLast);
    yield* this.#encode();
  }

  #decode(bytes: Uint8Array, isLast: boolean): string {
    if (this.#coding === "latin1")
      return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("latin1");
    let text: string;
    try {
      text = this.#decoder.decode(bytes, { stream: !isLast });
    } catch {
      throw new NoJson("it is not UTF-8"); // other texts are looked at before
    }
    if (text.length !== bytes.byteLength) this.#width = 2;
    return text;
  }

  /** What can go on since it was last asked. */
  take(): readonly Uint8Array[] {
    const ready = this.#ready;
    this.#ready = [];
    this.#readyBytes = 0;
    return ready;
  }

  *#encode(): InTurns<void> {
    const texts = this.#mask.take();
    for (const text of texts) this.#readyBytes += text.length * this.#width;
    let joined = "";
    for (const [at, text] of texts.entries()) {
      joined += text;
      texts[at] = ""; // it goes while bytes come
      if (joined.length < ENCODED_AT_ONCE) continue;
      yield* this.#encodeLong(joined);
      joined = "";
    }
    this.#encodeShort(joined);
  }

  #encodeShort(text: string): void {
    if (text === "") return;
    const bytes = Buffer.from(text, this.#coding);
    this.#ready.push(bytes);
    this.#readyBytes += bytes.byteLength - text.length * this.#width;
  }

  *#encodeLong(text: string): InTurns<void> {
    for (let from = 0; from < text.length; yield) {
      const until = from + ENCODED_AT_ONCE;
      // two halves of one character stay together
      const end = isHighSurrogate(text.charCodeAt(until - 1)) ? until + 1 : until;
      this.#encodeShort(text.slice(from, end));
      from = end;
    }
  }
}

function isHighSurrogate(code: number): boolean {
  return code >= 0xd800 && code < 0xdc00;
}

/** Of pieces, cut anywhere. */
export function utf8Decoder(): TextDecoder {
  return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
}

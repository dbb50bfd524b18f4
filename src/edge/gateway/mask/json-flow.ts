/**
 * JSON masked as it comes: a text that is there, in turns, and bytes that flow: then neither they nor the result are whole at any time. It
 * says of what is no JSON that the body cannot be read.
 */
import { Failure } from "../../../base/errors.ts";
import { KeptBytes } from "../../../wire/http/index.ts";
import { MaskBudget } from "./budget.ts";
import { JsonMask } from "./json-mask.ts";
import { NoJson } from "./json-text.ts";
import type { MaskRules } from "./rules.ts";
import type { MaskedText } from "./text-mask.ts";
import type { Turns } from "./turns.ts";

/** Characters of a text that is there: what is made of them is joined at once. */
const FED_AT_ONCE = 256 * 1024;

/** Throws NoJson, and `gateway.body_unreadable`. */
export function* jsonInTurns(text: string, rules: MaskRules, budget: MaskBudget): Turns<MaskedText> {
  budget.grant(Buffer.byteLength(text));
  const mask = new JsonMask(rules, budget);
  const masked: string[] = [];
  for (let from = 0; from < text.length || from === 0; from += FED_AT_ONCE) {
    yield* mask.feed(text.slice(from, from + FED_AT_ONCE), from + FED_AT_ONCE >= text.length);
    masked.push(mask.take());
  }
  return mask.count === 0 ? { text, count: 0 } : { text: masked.join(""), count: mask.count };
}

/** What was thrown, in the words of a body. */
export function noJson(cause: unknown): unknown {
  if (!(cause instanceof NoJson)) return cause;
  return new Failure(
    "gateway.body_unreadable",
    `looking for fields to hide in a body: ${cause.message}, JSON is required`,
    { cause },
  );
}

/** JSON that goes on while it comes: neither it nor the result is whole at any time. */
export class JsonFlow {
  readonly #mask: JsonMask;
  readonly #budget: MaskBudget;
  readonly #decoder = utf8Decoder();
  /** Fewer than are worth another look: joined, for each small piece of a text would cost many times its size. */
  readonly #kept = new KeptBytes();

  constructor(rules: MaskRules) {
    this.#budget = new MaskBudget();
    this.#budget.grant(0);
    this.#mask = new JsonMask(rules, this.#budget);
  }

  /** Values hidden so far. */
  get count(): number {
    return this.#mask.count;
  }

  /** Bytes, about, that wait for what comes behind them. */
  get held(): number {
    return this.#mask.held + this.#kept.size;
  }

  /** Yields; then what can go on is there to be taken. Throws `gateway.body_unreadable`. */
  *feed(chunk: Uint8Array, isLast: boolean): Turns<void> {
    try {
      this.#budget.add(chunk.byteLength);
      const { lookFrom } = this.#mask;
      const isEnough = isLast || this.#kept.size + chunk.byteLength >= lookFrom;
      if (this.#kept.size > 0 || !isEnough) this.#kept.push(chunk);
      if (!isEnough) return;
      const bytes = this.#kept.size > 0 ? this.#kept.takeAll() : chunk;
      yield* this.#mask.feed(this.#decode(bytes, isLast), isLast);
    } catch (cause) {
      throw noJson(cause);
    }
  }

  #decode(chunk: Uint8Array, isLast: boolean): string {
    try {
      return this.#decoder.decode(chunk, { stream: !isLast });
    } catch {
      throw new NoJson("it is not UTF-8");
    }
  }

  take(): readonly Uint8Array[] {
    const text = this.#mask.take();
    return text === "" ? [] : [Buffer.from(text, "utf8")];
  }
}

/** Of pieces, cut anywhere. */
export function utf8Decoder(): TextDecoder {
  return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
}

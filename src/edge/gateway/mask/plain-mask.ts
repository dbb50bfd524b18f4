/**
 * A whole body that is not coded, masked in turns by its content type: JSON by its fields and patterns, forms and texts by patterns. It is let
 * go of piece by piece while what becomes of it grows, so both together are about as much as one.
 */
import type { InTurns } from "../../../base/turns.ts";
import { KeptBytes } from "../../../wire/http/index.ts";
import { bodyKind, requireAsciiInTurns, requireReadable } from "./body-kind.ts";
import type { MaskBudget } from "./budget.ts";
import { ByteFlow, type TextMasking } from "./byte-flow.ts";
import { noJson } from "./json-flow.ts";
import { JsonMask } from "./json-mask.ts";
import { NoJson } from "./json-text.ts";
import type { MaskRules } from "./rules.ts";
import { codingOf, type TextCoding } from "./text-coding.ts";
import { formPieces, textPieces } from "./text-pieces.ts";

/** Bytes that are read at once. */
const FED_AT_ONCE = 256 * 1024;
const EMPTY = new Uint8Array(0);

export interface MaskedPieces {
  /** The same bytes where nothing was hidden. */
  readonly pieces: KeptBytes;
  /** How many values were hidden. */
  readonly count: number;
}

export class PlainMask {
  readonly #contentType: string;
  readonly #rules: MaskRules;
  readonly #budget: MaskBudget;
  readonly #pieces: Uint8Array[] = [];
  readonly #size: number;
  #left: number;
  #flow: ByteFlow | undefined;
  #out = new KeptBytes();

  /** They are its own from now on. */
  constructor(pieces: Iterable<Uint8Array>, contentType: string, rules: MaskRules, budget: MaskBudget) {
    this.#contentType = contentType;
    this.#rules = rules;
    this.#budget = budget;
    let size = 0;
    for (const piece of pieces) {
      size += piece.byteLength;
      for (let at = 0; at < piece.byteLength; at += FED_AT_ONCE)
        this.#pieces.push(piece.subarray(at, at + FED_AT_ONCE));
    }
    this.#size = this.#left = size;
  }

  /** Bytes, about: of what is left, what is being read, and what has become of the rest. */
  get held(): number {
    return this.#left + (this.#flow?.held ?? 0) + this.#out.size;
  }

  /** Once. Throws `gateway.body_unreadable`. */
  *run(): InTurns<MaskedPieces> {
    requireReadable(this.#contentType);
    yield* requireAsciiInTurns(this.#pieces, this.#contentType);
    const kind = bodyKind(this.#contentType);
    if (kind === "json") return yield* this.#json();
    const coding = yield* codingOf(this.#pieces);
    if (kind === "form") return yield* this.#through(formPieces(this.#rules, this.#budget), coding);
    const mayBeJson = this.#rules.paths.length > 0 && looksLikeJson(this.#pieces, coding);
    return mayBeJson ? yield* this.#perhapsJson(coding) : yield* this.#text(coding);
  }

  *#json(): InTurns<MaskedPieces> {
    try {
      return yield* this.#through(new JsonMask(this.#rules, this.#budget), "utf8");
    } catch (cause) {
      throw noJson(cause);
    }
  }

  #text(coding: TextCoding): InTurns<MaskedPieces> {
    return this.#through(textPieces(this.#rules, this.#budget), coding);
  }

  /** A text that may be JSON which nobody has called so: its fields count. It is kept until that is known. */
  *#perhapsJson(coding: TextCoding): InTurns<MaskedPieces> {
    try {
      return yield* this.#through(new JsonMask(this.#rules, this.#budget), coding, true);
    } catch (thrown) {
      if (!(thrown instanceof NoJson)) throw thrown;
    }
    this.#out = new KeptBytes();
    return yield* this.#text(coding);
  }

  *#through(mask: TextMasking, coding: TextCoding, isKept = false): InTurns<MaskedPieces> {
    this.#budget.grant(this.#size);
    const flow = new ByteFlow(mask, undefined, coding);
    this.#flow = flow;
    const pieces = this.#pieces;
    const [only] = pieces;
    for (let at = 0; at === 0 || at < pieces.length; at++) {
      const piece = pieces[at] ?? EMPTY;
      if (!isKept) {
        pieces[at] = EMPTY;
        this.#left -= piece.byteLength;
      }
      yield* flow.feed(piece, at >= pieces.length - 1);
      for (const bytes of flow.take()) this.#out.push(bytes);
      yield;
    }
    if (flow.count > 0 || pieces.length > 1 || only === undefined) return { pieces: this.#out, count: flow.count };
    this.#out = new KeptBytes();
    this.#out.push(only);
    return { pieces: this.#out, count: 0 };
  }
}

/** Blanks as expressions see them, and then what an object or a list begins with. */
function looksLikeJson(pieces: readonly Uint8Array[], coding: TextCoding): boolean {
  const decoder = new TextDecoder(coding === "utf8" ? "utf-8" : "latin1", { ignoreBOM: true });
  for (const piece of pieces) {
    const text = decoder.decode(piece, { stream: true });
    if (/\S/.test(text)) return /^\s*[[{]/.test(text);
  }
  return false;
}

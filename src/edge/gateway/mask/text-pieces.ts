/**
 * Texts and forms that come in pieces, cut where nothing that is looked for can reach over: a form between two fields; a text behind a line end
 * or another character that stands in no card, address, number or token. Private keys have many lines: a text is not cut within one. What an
 * expression of the file may reach over nobody knows: with one of them a text stays whole.
 */
import type { InTurns } from "../../../base/turns.ts";
import type { MaskBudget } from "./budget.ts";
import type { TextMasking } from "./byte-flow.ts";
import { PACE } from "./pace.ts";
import type { MaskRules } from "./rules.ts";
import { fieldsInTurns, hideInTurns, type MaskedText } from "./text-mask.ts";
import { pemSpans } from "./tokens.ts";

/** Where a text may be cut: how many characters of it can go, of which those before `from` were looked at when there were no more. */
type Cut = (text: string, from: number) => InTurns<number>;

class TextPieces implements TextMasking {
  count = 0;
  held = 0;
  readonly lookFrom = 0;
  /** Undefined: nowhere. */
  readonly #cut: Cut | undefined;
  readonly #mask: (text: string) => InTurns<MaskedText>;
  #waiting: string[] = [];
  /** Characters of what waits that are known to have no place for a cut: they are looked at again when there are twice as many. */
  #looked = 0;
  #out: string[] = [];

  constructor(cut: Cut | undefined, mask: (text: string) => InTurns<MaskedText>) {
    this.#cut = cut;
    this.#mask = mask;
  }

  *feed(more: string, isLast: boolean): InTurns<void> {
    this.#waiting.push(more);
    this.held += more.length;
    if (!isLast && (this.#cut === undefined || this.held < 2 * this.#looked)) return;
    const text = this.#waiting.join("");
    this.#waiting = [];
    const end = isLast || this.#cut === undefined ? text.length : yield* this.#cut(text, this.#looked);
    const rest = text.slice(end);
    this.#looked = rest.length;
    if (rest !== "") this.#waiting.push(rest);
    if (end === 0) return;
    const masked = yield* this.#mask(end === text.length ? text : text.slice(0, end));
    this.count += masked.count;
    this.#out.push(masked.text);
    this.held = rest.length;
  }

  take(): string[] {
    const out = this.#out;
    this.#out = [];
    return out;
  }
}

export function formPieces({ patterns }: MaskRules, budget: MaskBudget): TextMasking {
  return new TextPieces(
    (text, from) => lastOf(FIELDS, text, from),
    (text) => fieldsInTurns(text, patterns, budget),
  );
}

export function textPieces({ patterns }: MaskRules, budget: MaskBudget): TextMasking {
  const isWhole = patterns.some(({ reach }) => reach === "all");
  const hasKeys = patterns.some(({ reach }) => reach === "keys");
  return new TextPieces(isWhole ? undefined : hasKeys ? beforeOpenKeys : between, (text) =>
    hideInTurns(text, patterns, budget),
  );
}

function between(text: string, from: number): InTurns<number> {
  return lastOf(BETWEEN, text, from);
}

/** What was looked at before may have been held back for a key whose end is here now. */
function* beforeOpenKeys(text: string): InTurns<number> {
  let end = yield* lastOf(BETWEEN, text, 0);
  for (const key of pemSpans(text).toReversed()) {
    if (key.start < end && end < key.end) end = yield* lastOf(BETWEEN, text.slice(0, key.start), 0);
  }
  return end;
}

const FIELDS = tableOf("&");
/** In none of what is looked for, and next to it they are as good as an end. */
const BETWEEN = tableOf('\n\r<>",;()[]\\');

function tableOf(characters: string): Uint8Array {
  const table = new Uint8Array(128); // what is beyond it is undefined, and so no 1
  for (const character of characters) table[character.charCodeAt(0)] = 1;
  return table;
}

/** Behind the last of these characters that stands at `from` or behind it; 0: there is none. */
function* lastOf(table: Uint8Array, text: string, from: number): InTurns<number> {
  let pause = text.length - PACE;
  for (let at = text.length - 1; at >= from; at--) {
    if (table[text.charCodeAt(at)] === 1) return at + 1;
    if (at > pause) continue;
    yield;
    pause = at - PACE;
  }
  return 0;
}

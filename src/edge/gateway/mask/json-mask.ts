/**
 * Hides values in JSON by changing the text where they stand: nothing else is touched, so big numbers, the order of members, members
 * that are there twice and blanks stay as they were. Several values in a row (NDJSON) are read as such. The text may come in pieces, cut
 * anywhere: what is read goes on, and what waits is a member that is not whole or a value that is hidden. Refuses what is no JSON.
 */
import type { InTurns } from "../../../base/turns.ts";
import type { MaskBudget } from "./budget.ts";
import type { TextMasking } from "./byte-flow.ts";
import type { Hiding, Level, Long, Mark } from "./json-reading.ts";
import { CUT, JsonText, LONG, literalInTurns, longTextOf, NoJson, textOf } from "./json-text.ts";
import { mayHold } from "./marks.ts";
import { digitsOf } from "./number-digits.ts";
import { HIT_PACE, PACE } from "./pace.ts";
import { PathWalk, type Standings } from "./path-walk.ts";
import { type MaskRules, type PatternRule, replacement } from "./rules.ts";
import { findSpans } from "./span-finder.ts";
import { hideIn, hideInTurns } from "./text-mask.ts";

/** Deeper than any document of people or programs. */
const DEPTH_MAX = 200;
/** Containers become so many stars: their length says too much. */
const HIDDEN = "********";

const QUOTE = 0x22;
const COMMA = 0x2c;
const COLON = 0x3a;
const OPEN_LIST = 0x5b;
const CLOSE_LIST = 0x5d;
const OPEN_OBJECT = 0x7b;
const CLOSE_OBJECT = 0x7d;
const BYTE_ORDER_MARK = 0xfeff;

const NOWHERE: Standings = [];

export class JsonMask implements TextMasking {
  /** How many values were hidden. */
  count = 0;
  readonly #patterns: readonly PatternRule[];
  readonly #numberPatterns: readonly PatternRule[];
  readonly #walk: PathWalk;
  readonly #budget: MaskBudget;
  readonly #json = new JsonText();
  readonly #levels: Level[] = [];
  #level: Level | undefined;
  #hiding: Hiding | undefined;
  /** Of the result: what can go on, and what is not sure yet. */
  #out: string[] = [];
  readonly #pieces: string[] = [];
  #copied = 0;
  /** Where the entry begins that is being read. */
  #from = 0;
  /** Has come, and is not looked at: what is read again is as short as what has come. */
  #waiting = "";
  #hasBegun = false;
  /** By where they begin: long texts whose patterns are found. */
  readonly #long = new Map<number, Long>();
  /** The one that is to be looked into. */
  #longAt = -1;
  #longEnd = -1;
  #longHasEscape = false;

  constructor({ paths, patterns }: MaskRules, budget: MaskBudget) {
    this.#patterns = patterns;
    this.#numberPatterns = patterns.filter(({ mayBeNumber }) => mayBeNumber);
    this.#walk = new PathWalk(paths);
    this.#budget = budget;
  }

  get held(): number {
    return this.#waiting.length + this.#json.text.length;
  }

  get lookFrom(): number {
    return this.#json.text.length - this.#waiting.length;
  }

  take(): string[] {
    const out = this.#out;
    this.#out = [];
    return out;
  }

  *feed(text: string, isLast: boolean): InTurns<void> {
    const json = this.#json;
    this.#waiting += text;
    if (!isLast && this.#waiting.length < json.text.length) return;
    json.isLast = isLast;
    json.cut(0, this.#waiting);
    this.#waiting = "";
    if (!this.#hasBegun && json.text !== "") {
      this.#hasBegun = true;
      if (json.code() === BYTE_ORDER_MARK) json.at++;
    }
    yield* this.#read();
    this.#letGo(isLast);
  }

  *#read(): InTurns<void> {
    const json = this.#json;
    let pause = json.at + PACE;
    for (;;) {
      if (json.at + this.count * HIT_PACE >= pause) {
        yield;
        pause = json.at + this.count * HIT_PACE + PACE;
      }
      const stopped = this.#tryEntry();
      if (stopped === true) continue;
      if (stopped === CUT || !(yield* this.#readLong())) return;
    }
  }

  /** What stopped it: nothing, the end, or a long text. Then it stands where it began. */
  #tryEntry(): true | typeof CUT | typeof LONG {
    const json = this.#json;
    this.#from = json.at;
    const { count } = this;
    const pieces = this.#pieces.length;
    const copied = this.#copied;
    try {
      if (!this.#entry()) return CUT;
      if (this.#long.size > 0) this.#long.clear();
      return true;
    } catch (thrown) {
      if (thrown !== CUT && thrown !== LONG) throw thrown;
      json.at = this.#from;
      this.#undo({ pieces, copied, count });
      return thrown;
    }
  }

  #undo({ copied, count, pieces }: Mark): void {
    this.#pieces.length = pieces;
    this.#copied = copied;
    this.count = count;
  }

  /** Its end first; then its patterns, when it is come to again and they are wanted. False: its end has not come. */
  *#readLong(): InTurns<boolean> {
    if (this.#longAt >= 0) {
      const literal = this.#json.text.slice(this.#longAt, this.#longEnd);
      const text = yield* longTextOf(literal, this.#longHasEscape);
      const { count, text: masked } = yield* hideInTurns(text, this.#patterns, this.#budget);
      this.#long.set(this.#longAt, { count, pieces: count > 0 ? yield* literalInTurns(masked) : [] });
      this.#longAt = -1;
      return true;
    }
    try {
      yield* this.#json.readLong();
      return true;
    } catch (thrown) {
      if (thrown !== CUT) throw thrown;
      return false;
    } finally {
      this.#json.at = this.#from;
    }
  }

  /** All that is read goes on; what is not, and what may be removed, waits. */
  #letGo(isLast: boolean): void {
    const json = this.#json;
    const hiding = this.#hiding;
    const until = isLast ? json.text.length : (hiding?.before.copied ?? json.at);
    for (const piece of this.#pieces.splice(0, hiding?.before.pieces ?? this.#pieces.length)) this.#out.push(piece);
    if (hiding === undefined) {
      if (until > this.#copied) this.#out.push(json.text.slice(this.#copied, until));
      this.#copied = until;
    } else {
      hiding.entryAt -= until;
      hiding.valueAt -= until;
      hiding.before = { pieces: 0, copied: 0, count: hiding.before.count };
    }
    json.cut(until, "");
    this.#copied -= until;
  }

  /** One member or item, the beginning of one that is an object or list, or the end of such; false when all is read. */
  #entry(): boolean {
    const json = this.#json;
    const level = this.#level;
    json.blanks();
    if (level === undefined) return this.#outermost();
    const code = json.code();
    if (code === (level.isObject ? CLOSE_OBJECT : CLOSE_LIST)) {
      // nothing comes behind a comma but an entry: that is read with it
      json.at++;
      this.#close();
      return true;
    }
    let start = this.#from;
    if (level.index > 0) {
      if (code !== COMMA) json.fault("no comma between two values");
      if (level.kept === 0) this.#replace(json.at, json.at + 1, [], 0);
      start = json.at++;
      json.blanks();
    }
    if (this.#levels.length > DEPTH_MAX) throw new NoJson(`more than ${DEPTH_MAX} levels`);
    this.#member(level, start);
    return true;
  }

  #outermost(): boolean {
    const json = this.#json;
    if (json.at >= json.text.length) return false;
    this.#value(undefined, "", this.#walk.begin());
    return true;
  }

  #member(level: Level, start: number): void {
    const before = { pieces: this.#pieces.length, copied: this.#copied, count: this.count };
    const isFollowed = level.standings.length > 0;
    const name = level.isObject ? this.#name(isFollowed) : "[]";
    const standings = isFollowed ? this.#walk.down(level.standings, level.isObject ? name : level.index) : NOWHERE;
    const rule = standings.length > 0 ? this.#walk.ended(standings) : undefined;
    if (rule === undefined) this.#value(level, name, standings);
    else this.#hide(level, { rule, name, level: this.#levels.length, entryAt: start, valueAt: this.#json.at, before });
  }

  /** Stands at the value then. */
  #name(isWanted: boolean): string {
    const json = this.#json;
    if (json.code() !== QUOTE) json.fault("a member without a name");
    const start = json.at;
    json.string();
    this.#patternsIn(start);
    const name = isWanted ? textOf(json.text.slice(start, json.at), json.hasEscape) : "";
    json.blanks();
    if (json.code() !== COLON) json.fault("a member without a value");
    json.at++;
    json.blanks();
    return name;
  }

  #value(level: Level | undefined, name: string, standings: Standings): void {
    const json = this.#json;
    const code = json.code();
    if (code === OPEN_OBJECT || code === OPEN_LIST) this.#open(code === OPEN_OBJECT, name, standings);
    else if (code === QUOTE) {
      const start = json.at;
      json.string();
      this.#patternsIn(start);
    } else {
      const start = json.at;
      if (json.scalar()) this.#patternsInNumber(start);
    }
    if (level === undefined) return;
    level.index++;
    level.kept++;
  }

  #open(isObject: boolean, name: string, standings: Standings): void {
    this.#json.at++;
    this.#level = { isObject, standings, name, index: 0, kept: 0 };
    this.#levels.push(this.#level);
  }

  #close(): void {
    this.#levels.pop();
    this.#level = this.#levels.at(-1);
    if (this.#hiding === undefined || this.#hiding.level !== this.#levels.length) return;
    const hiding = this.#hiding;
    this.#hiding = undefined;
    this.#hidden(hiding);
  }

  /** The whole value by a rule: at once, or once it is read; nothing is looked for in it. */
  #hide(level: Level, hiding: Hiding): void {
    const json = this.#json;
    const code = json.code();
    const isContainer = code === OPEN_OBJECT || code === OPEN_LIST;
    if (isContainer) {
      this.#open(code === OPEN_OBJECT, "", NOWHERE);
      this.#hiding = hiding;
      this.#settle(hiding);
    } else {
      if (code === QUOTE) json.string();
      else json.scalar();
      this.#hidden(hiding);
    }
    level.index++;
    if (hiding.rule.plan.action !== "remove") level.kept++;
  }

  /** What stands before it is sure: it need not wait for its end. */
  #settle(hiding: Hiding): void {
    if (this.#pieces.length > hiding.before.pieces) return; // its name has changed
    const until = Math.max(hiding.entryAt, this.#copied);
    this.#replace(this.#copied, this.#copied, [this.#json.text.slice(this.#copied, until)], 0);
    this.#copied = until;
    hiding.before = { pieces: this.#pieces.length, copied: until, count: this.count };
  }

  /** Null and what is removed as they are. */
  #hidden({ before, entryAt, name, rule, valueAt }: Hiding): void {
    const json = this.#json;
    if (rule.plan.action === "remove") {
      // what was hidden inside of it, its own name perhaps, goes with it
      this.#undo(before);
      return this.#replace(Math.max(entryAt, this.#copied), json.at, []);
    }
    const value = json.text.slice(valueAt, json.at);
    if (value === "null") return;
    const isContainer = value[0] === "{" || value[0] === "[";
    const text = value[0] === '"' ? textOf(value, true) : value;
    const isStars = isContainer && rule.plan.action === "mask";
    const hidden = isStars ? HIDDEN : replacement(rule, this.#fieldName(name), text, value);
    this.#replace(valueAt, json.at, [JSON.stringify(hidden)]);
  }

  /** As the encryption plugin calls a field: a name alone for members of the whole, `items[].iban` below. */
  #fieldName(last: string): string {
    const way = [...this.#levels.slice(1).map(({ name }) => name), last];
    return way.reduce((name, part) => (part === "[]" ? `${name}[]` : name === "" ? part : `${name}.${part}`), "");
  }

  /** Of the text that begins there and ends where the reader stands. */
  #patternsIn(start: number): void {
    if (this.#patterns.length === 0 || this.#hiding !== undefined) return;
    const json = this.#json;
    const { at, hasEscape, marks } = json;
    const length = at - start - 2;
    if (length === 0 || (!hasEscape && !this.#mayHold(marks, length))) return;
    if (length > PACE) return this.#longIn(start);
    const text = textOf(json.text.slice(start, at), hasEscape);
    const masked = hideIn(text, this.#patterns, this.#budget, hasEscape ? undefined : marks);
    if (masked.count > 0) this.#replace(start, at, [JSON.stringify(masked.text)], masked.count);
  }

  /** Throws LONG where it is not looked at yet. */
  #longIn(start: number): void {
    const { at, hasEscape } = this.#json;
    const known = this.#long.get(start);
    if (known === undefined) {
      this.#longAt = start;
      this.#longEnd = at;
      this.#longHasEscape = hasEscape;
      throw LONG;
    }
    if (known.count > 0) this.#replace(start, at, known.pieces, known.count);
  }

  #mayHold(marks: number, length: number): boolean {
    const patterns = this.#patterns;
    for (let at = 0; at < patterns.length; at++) if (mayHold(patterns[at]!.needs, marks, length)) return true;
    return false;
  }

  /** A number is hidden as a whole or not at all: a part of one would be another number. */
  #patternsInNumber(start: number): void {
    if (this.#numberPatterns.length === 0 || this.#hiding !== undefined) return;
    const { at, text } = this.#json;
    const number = text.slice(start, at);
    for (const form of [number, digitsOf(number)]) {
      if (form === undefined) continue;
      const patterns = this.#numberPatterns.filter(({ finders, needs }) => {
        if (needs.lengthMin > form.length) return false;
        const [found] = findSpans(finders, form, this.#budget);
        return found !== undefined && found.start === 0 && found.end === form.length;
      });
      if (patterns.length === 0) continue;
      const masked = hideIn(form, patterns, this.#budget);
      if (masked.count > 0) return this.#replace(start, at, [JSON.stringify(masked.text)], masked.count);
    }
  }

  #replace(start: number, end: number, texts: readonly string[], count = 1): void {
    this.#pieces.push(this.#json.text.slice(this.#copied, start));
    for (const text of texts) this.#pieces.push(text);
    this.#copied = end;
    this.count += count;
  }
}

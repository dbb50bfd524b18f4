/**
 * Whole numbers of JSON, exactly. A parser of JSON reads doubles: more than 53 bits of an integer would be changed silently, whatever form it is
 * written in (`9007199254740993`, `9007199254740993.0`, `9.007199254740993e15`). So before a text is parsed, the numbers of integer fields are
 * written anew: in plain digits, and in quotes where a double cannot hold them. What is no whole number is refused. One pass over the text,
 * led by the descriptor; only valid numbers where values stand are touched, so what was no JSON before is none behind it.
 */
import type { DescMessage, Registry } from "@bufbuild/protobuf";
import { Failure } from "../../base/errors.ts";
import type { InTurns } from "../../base/turns.ts";
import { hasOwnJson } from "./field-names.ts";
import { endOfString, unquoted } from "./json-check.ts";
import { PACE } from "./limits.ts";
import { ANY_NUMBER, typeOfMember, typeOfMessage, UNSURE, type ValueType } from "./value-types.ts";

/** Without one of these each integer is exact: 16 digits and more, or an exponent. */
const DOUBTFUL = /[\d.]{16}|\d[eE][+\-\d]/;

export function* withExactIntegers(desc: DescMessage, text: string, registry?: Registry): InTurns<string> {
  return DOUBTFUL.test(text) ? yield* new Scan(text, desc, registry).run() : text;
}

const QUOTE = 0x22;
/** Numbers that are written anew take longer than characters that are only looked at. */
const SCAN_PACE = PACE / 4;
const TYPE_MEMBER = "@type";

/** An object or array that the scan is in. */
interface Frame {
  readonly isObject: boolean;
  type: ValueType;
  /** Of the value that comes next. */
  next: ValueType;
  key: string;
  expectsKey: boolean;
}

class Scan {
  readonly #text: string;
  readonly #root: ValueType;
  readonly #registry: Registry | undefined;
  readonly #frames: Frame[] = [];
  #at = 0;
  /** What has been written anew, up to `#copied` of the text. */
  #out = "";
  #copied = 0;

  constructor(text: string, desc: DescMessage, registry: Registry | undefined) {
    this.#text = text;
    this.#root = typeOfMessage(desc);
    this.#registry = registry;
  }

  *run(): InTurns<string> {
    const text = this.#text;
    while (this.#at < text.length) {
      const end = Math.min(text.length, this.#at + SCAN_PACE);
      while (this.#at < end) this.#step(text.charCodeAt(this.#at));
      if (this.#at < text.length) yield;
    }
    return this.#copied === 0 ? text : this.#out + text.slice(this.#copied);
  }

  get #frame(): Frame | undefined {
    return this.#frames[this.#frames.length - 1];
  }

  #step(code: number): void {
    if (code === QUOTE) return this.#string();
    if (code === 0x2d || (code >= 0x30 && code <= 0x39)) return this.#number();
    this.#at++;
    if (code === 0x7b) this.#open(true);
    else if (code === 0x5b) this.#open(false);
    else if (code === 0x7d || code === 0x5d) this.#frames.pop();
    else if (code === 0x2c || code === 0x3a) {
      const frame = this.#frame;
      if (frame?.isObject) frame.expectsKey = code === 0x2c;
    }
  }

  get #type(): ValueType {
    return this.#frame?.next ?? this.#root;
  }

  #open(isObject: boolean): void {
    const type = this.#type;
    const next = isObject ? ANY_NUMBER : (type.items ?? type);
    this.#frames.push({ isObject, type, next, key: "", expectsKey: isObject });
  }

  #string(): void {
    const start = this.#at;
    const end = endOfString(this.#text, start);
    this.#at = end + 1;
    const frame = this.#frame;
    if (frame === undefined || !frame.isObject) return;
    if (frame.expectsKey) this.#member(frame, unquoted(this.#text, start, end));
    else if (frame.type.isAny && frame.key === TYPE_MEMBER) this.#retype(frame, unquoted(this.#text, start, end));
  }

  #member(frame: Frame, name: string): void {
    frame.key = name;
    frame.next = typeOfMember(frame.type, name, this.#registry);
  }

  /** From now on the members are those of the type. One with JSON of its own has it in `value`. */
  #retype(frame: Frame, url: string): void {
    const message = this.#registry?.getMessage(url.slice(url.lastIndexOf("/") + 1));
    if (message === undefined) return;
    const type = typeOfMessage(message);
    frame.type = hasOwnJson(message) ? { number: "unsure", members: type } : type;
  }

  #number(): void {
    const start = this.#at;
    const text = this.#text;
    NUMBER.lastIndex = start;
    const isNumber = NUMBER.test(text);
    const end = isNumber ? NUMBER.lastIndex : start + 1;
    this.#at = end;
    const frame = this.#frame;
    if (!isNumber || frame?.expectsKey) return;
    const token = text.slice(start, end);
    const written = exact(token, this.#type, frame?.key ?? "");
    if (written === token) return;
    this.#out += text.slice(this.#copied, start) + written;
    this.#copied = end;
  }
}

const NUMBER = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y;

/** The number as it has to be read. */
function exact(token: string, { number }: ValueType, key: string): string {
  if (number === "any") return token;
  const integer = integerOf(token);
  const isSafe = integer !== undefined && Number.isSafeInteger(Number(integer));
  if (number === UNSURE.number) {
    if (integer === undefined || isSafe) return token;
    const why = "cannot be told from others like it before its type is known; @type as the first member, or quotes";
    throw inexact(token, key, why);
  }
  if (integer === undefined) throw inexact(token, key, "is no whole number in range; one");
  return isSafe || number === "whole" ? integer : `"${integer}"`;
}

function inexact(token: string, key: string, why: string): Failure {
  const shown = token.length > TOKEN_CHARS_SHOWN ? `${token.slice(0, TOKEN_CHARS_SHOWN)}…` : token;
  const place = key === "" ? "" : ` of ${JSON.stringify(key)}`;
  return new Failure("protobuf.json", `reading JSON failed: ${shown}${place} ${why} is required`);
}

/** Longer ones say no more to people. */
const TOKEN_CHARS_SHOWN = 40;
/** 2^64 has 20. */
const DIGITS_MAX = 20;
/** Of an exponent: what is longer is beyond every whole number, and every fraction. */
const EXPONENT_CHARS_MAX = 6;

/** Its plain digits; undefined: it is no whole number, or one of too many digits. */
function integerOf(token: string): string | undefined {
  const sign = token.startsWith("-") ? "-" : "";
  const mark = token.search(/[eE]/);
  const number = mark < 0 ? token.slice(sign.length) : token.slice(sign.length, mark);
  const exponentText = mark < 0 ? "0" : token.slice(mark + 1);
  const dot = number.indexOf(".");
  const fraction = dot < 0 ? 0 : number.length - dot - 1;
  const all = dot < 0 ? number : number.slice(0, dot) + number.slice(dot + 1);
  const [from, to] = significant(all);
  if (from === to) return "0";
  if (exponentText.length > EXPONENT_CHARS_MAX) return undefined;
  const zeros = Number(exponentText) - fraction + all.length - to;
  if (zeros < 0 || to - from + zeros > DIGITS_MAX) return undefined;
  return sign + all.slice(from, to) + "0".repeat(zeros);
}

/** Without zeros at both ends. */
function significant(digits: string): readonly [from: number, to: number] {
  let from = 0;
  let to = digits.length;
  while (from < to && digits.charCodeAt(from) === 0x30) from++;
  while (to > from && digits.charCodeAt(to - 1) === 0x30) to--;
  return [from, to];
}

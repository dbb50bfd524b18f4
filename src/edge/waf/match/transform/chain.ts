/** The transformations by name, and chains of them as rules write them. Names are compared without regard to case. */
import type { Bytes } from "../bytes.ts";
import * as decode from "./decode.ts";
import { HEX_DIGITS, Output } from "./output.ts";
import * as reduce from "./reduce.ts";
import { triggersOf } from "./triggers.ts";

export interface Transformation {
  /** The same for all aliases of a name. */
  readonly id: number;
  readonly name: string;
  /** Kinds of bytes of which one has to be in a value that it changes; undefined: it may change any. */
  readonly triggers: number | undefined;
  /** It changes nothing but the case of ASCII letters. */
  readonly isCaseOnly: boolean;
  apply(value: Bytes): Bytes;
}

export interface TransformChain {
  readonly steps: readonly Transformation[];
  /** Names with commas: equal chains have equal keys. */
  readonly key: string;
  /** As of a transformation, of all steps together. */
  readonly triggers: number | undefined;
}

function hash(algorithm: "sha1" | "md5"): (value: Bytes) => Bytes {
  return (value) => Buffer.from(new Bun.CryptoHasher(algorithm).update(value, "latin1").digest()).toString("latin1");
}

function hexEncode(value: Bytes): Bytes {
  return Buffer.from(value, "latin1").toString("hex");
}

function base64Encode(value: Bytes): Bytes {
  return Buffer.from(value, "latin1").toString("base64");
}

/** Letters, digits and `*` stay, a blank becomes `+`. */
function urlEncode(value: Bytes): Bytes {
  const out = new Output(value.length * 2);
  for (let at = 0; at < value.length; at += 1) {
    const code = value.charCodeAt(at);
    const letter = code | 32;
    const stays = (code >= 48 && code <= 57) || (letter >= 97 && letter <= 122) || code === 42;
    if (stays || code === 32) {
      out.put(stays ? code : 43);
      continue;
    }
    out.put(37);
    out.put(HEX_DIGITS.charCodeAt(code >> 4));
    out.put(HEX_DIGITS.charCodeAt(code & 15));
  }
  return out.take();
}

function parity7bit(bitOf: (ones: number) => number): (value: Bytes) => Bytes {
  return (value) => {
    const out = new Output(value.length);
    for (let at = 0; at < value.length; at += 1) {
      const low = value.charCodeAt(at) & 127;
      let ones = 0;
      for (let rest = low; rest > 0; rest >>= 1) ones += rest & 1;
      out.put(low | (bitOf(ones) << 7));
    }
    return out.take();
  };
}

const TABLE: readonly (readonly [string, (value: Bytes) => Bytes])[] = [
  ["base64decode", decode.base64Decode],
  ["base64decodeext", decode.base64DecodeExt],
  ["base64encode", base64Encode],
  ["cmdline", reduce.cmdLine],
  ["compresswhitespace", reduce.compressWhitespace],
  ["cssdecode", decode.cssDecode],
  ["escapeseqdecode", decode.escapeSeqDecode],
  ["hexdecode", decode.hexDecode],
  ["hexencode", hexEncode],
  ["htmlentitydecode", decode.htmlEntityDecode],
  ["jsdecode", decode.jsDecode],
  ["length", (value) => String(value.length)],
  ["lowercase", reduce.lowercase],
  ["md5", hash("md5")],
  ["normalizepath", reduce.normalizePath],
  ["normalizepathwin", reduce.normalizePathWin],
  ["parityeven7bit", parity7bit((ones) => ones & 1)],
  ["parityodd7bit", parity7bit((ones) => (ones & 1) ^ 1)],
  ["parityzero7bit", parity7bit(() => 0)],
  ["removecomments", reduce.removeComments],
  ["removecommentschar", reduce.removeCommentsChar],
  ["removenulls", reduce.removeNulls],
  ["removewhitespace", reduce.removeWhitespace],
  ["replacecomments", reduce.replaceComments],
  ["replacenulls", reduce.replaceNulls],
  ["sha1", hash("sha1")],
  ["sqlhexdecode", decode.sqlHexDecode],
  ["trim", reduce.trim],
  ["trimleft", reduce.trimLeft],
  ["trimright", reduce.trimRight],
  ["uppercase", reduce.uppercase],
  ["urldecode", decode.urlDecode],
  ["urldecodeuni", decode.urlDecodeUni],
  ["urlencode", urlEncode],
  ["utf8tounicode", decode.utf8toUnicode],
];

const ALIASES: ReadonlyMap<string, string> = new Map([
  ["normalisepath", "normalizepath"],
  ["normalisepathwin", "normalizepathwin"],
]);

const KNOWN: ReadonlyMap<string, Transformation> = new Map(
  TABLE.map(([name, apply], at) => [
    name,
    { id: at + 1, name, triggers: triggersOf(name), isCaseOnly: name.endsWith("ercase"), apply },
  ]),
);

export const EMPTY_CHAIN: TransformChain = { steps: [], key: "", triggers: 0 };

/** Undefined: there is none of this name. `none` is no transformation: chains begin anew there. */
export function transformationOf(name: string): Transformation | undefined {
  const lower = name.toLowerCase();
  return KNOWN.get(ALIASES.get(lower) ?? lower);
}

/** A chain; each `none` forgets what stands before it. */
export function transformChain(steps: readonly Transformation[]): TransformChain {
  if (steps.length === 0) return EMPTY_CHAIN;
  let triggers: number | undefined = 0;
  for (const step of steps)
    triggers = triggers === undefined || step.triggers === undefined ? undefined : triggers | step.triggers;
  return { steps, key: steps.map(({ name }) => name).join(","), triggers };
}

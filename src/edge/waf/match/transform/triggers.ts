/**
 * Kinds of bytes without which a transformation leaves a value as it is. What is not in the table counts as changing any value.
 */
import { kindsOf } from "../kinds.ts";

const UPPER = kindsOf("A");
const CONTROL = kindsOf("\0");
const HIGH = kindsOf("\x80");
const BLANKS = kindsOf(" ") | CONTROL | HIGH;
const SLASHES = kindsOf("/\\");

const TRIGGERS: Readonly<Record<string, number>> = {
  cmdline: UPPER | BLANKS | kindsOf("\"'\\^,;/("),
  compresswhitespace: BLANKS,
  cssdecode: kindsOf("\\"),
  escapeseqdecode: kindsOf("\\"),
  htmlentitydecode: kindsOf("&"),
  jsdecode: kindsOf("\\"),
  lowercase: UPPER,
  normalizepath: SLASHES | kindsOf("."),
  normalizepathwin: SLASHES | kindsOf("."),
  removecomments: kindsOf("/<-#"),
  removecommentschar: kindsOf("/*<-#"),
  removenulls: CONTROL,
  removewhitespace: BLANKS,
  replacecomments: kindsOf("/"),
  replacenulls: CONTROL,
  trim: BLANKS,
  trimleft: BLANKS,
  trimright: BLANKS,
  urldecode: kindsOf("%+"),
  urldecodeuni: kindsOf("%+"),
  utf8tounicode: HIGH,
};

/** Undefined: it may change any value. */
export function triggersOf(name: string): number | undefined {
  return Object.hasOwn(TRIGGERS, name) ? TRIGGERS[name] : undefined;
}

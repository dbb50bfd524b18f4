/**
 * Fields on their way out are looked at like those on their way in: values come from rewriting and rules, and what may not stand in HTTP/1
 * may not stand here, for the next hop may speak that.
 */
import { Failure } from "../../base/errors.ts";
import { type HeaderList, TOKEN, VALUE } from "../http/index.ts";

const LOWER = 1;
const SHOWN_MAX = 60;

/** Throws `gateway.bad_header`. */
export function checkFields(list: HeaderList): void {
  const fault = faultOfFields(list);
  if (fault !== undefined) throw fault;
}

/** `gateway.bad_header`, where a name or a value may not be sent. */
export function faultOfFields(list: HeaderList): Failure | undefined {
  for (let at = 0; at < list.length; at += 2) {
    if (!isName(list[at]!)) return badField("name", list[at]!);
    if (!isValue(list[at + 1]!)) return badField(`value of ${list[at]!}`, list[at + 1]!);
  }
  return undefined;
}

/** Throws `gateway.bad_header`. `what` it is the value of. */
export function checkValue(what: string, value: string): void {
  if (!isValue(value)) throw badField(what, value);
}

function isName(name: string): boolean {
  for (let at = 0; at < name.length; at++) if (TOKEN[name.charCodeAt(at)] !== LOWER) return false;
  return name.length > 0;
}

function isValue(value: string): boolean {
  for (let at = 0; at < value.length; at++) if (!VALUE[value.charCodeAt(at)]) return false;
  return true;
}

function badField(what: string, text: string): Failure {
  const shown = JSON.stringify(text.slice(0, SHOWN_MAX));
  return new Failure(
    "gateway.bad_header",
    `writing a head: the ${what} is ${shown}; no control characters are allowed`,
  );
}

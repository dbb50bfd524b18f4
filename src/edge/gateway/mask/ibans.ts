/** International bank account numbers (ISO 13616): a country's letters, its length, and a remainder of 1 by 97; blanks between groups are allowed, and small letters if all are small. */
import type { SpanFinder } from "./span-finder.ts";

/** Of the registry: how long an IBAN of each country is. */
const LENGTHS: Readonly<Record<string, number>> = Object.fromEntries(
  (
    "AD24 AE23 AL28 AT20 AZ28 BA20 BE16 BG22 BH22 BI27 BR29 BY28 CH21 CR22 CY28 CZ24 DE22 DJ27 DK18 DO28 EE20 EG29 ES24 FI18 FK18 FO18 " +
    "FR27 GB22 GE22 GI23 GL18 GR27 GT28 HN28 HR21 HU28 IE22 IL23 IQ23 IS26 IT27 JO30 KW30 KZ20 LB28 LC32 LI21 LT20 LU20 LV21 LY25 MC27 " +
    "MD24 ME22 MK19 MN20 MR27 MT31 MU30 NI28 NL18 NO15 OM23 PK24 PL28 PS29 PT25 QA29 RO24 RS22 RU33 SA24 SC31 SD18 SE24 SI19 SK24 SM27 " +
    "SO23 ST25 SV28 TL23 TN24 TR26 UA29 VA22 VG24 XK20 YE30"
  )
    .split(" ")
    .map((entry) => [entry.slice(0, 2), Number(entry.slice(2))]),
);

export const findIbans: SpanFinder = (text, from, until, found) => {
  let at = from;
  while (at < until) {
    const end = isBeginning(text, at) ? ibanEnd(text, at) : -1;
    if (end >= 0) found.push({ start: at, end });
    at = end >= 0 ? end : at + 1;
  }
  return at;
};

/** Two letters, two digits. */
function isBeginning(text: string, at: number): boolean {
  const kind = letterKind(text.charCodeAt(at));
  return (
    kind !== undefined &&
    letterKind(text.charCodeAt(at + 1)) === kind &&
    isDigit(text.charCodeAt(at + 2)) &&
    isDigit(text.charCodeAt(at + 3))
  );
}

function ibanEnd(text: string, start: number): number {
  const kind = letterKind(text.charCodeAt(start))!;
  const isPart = (at: number): boolean => {
    const code = text.charCodeAt(at);
    return isDigit(code) || letterKind(code) === kind;
  };
  const country = text.slice(start, start + 2).toUpperCase();
  const length = Object.hasOwn(LENGTHS, country) ? LENGTHS[country]! : 0;
  if (length === 0 || isPart(start - 1)) return -1;
  let characters = "";
  let at = start;
  while (characters.length < length) {
    if (text[at] === " " && isPart(at + 1)) at++;
    if (!isPart(at)) return -1;
    characters += text[at++];
  }
  return !isPart(at) && remainder(characters) === 1 ? at : -1;
}

function isDigit(code: number): boolean {
  return code >= 0x30 && code <= 0x39;
}

function letterKind(code: number): "capital" | "small" | undefined {
  if (code >= 0x41 && code <= 0x5a) return "capital";
  return code >= 0x61 && code <= 0x7a ? "small" : undefined;
}

/** ISO 7064: the first four characters go to the end, letters count from 10. */
function remainder(characters: string): number {
  let rest = 0;
  for (const character of characters.slice(4) + characters.slice(0, 4)) {
    const value = Number.parseInt(character, 36);
    rest = (rest * (value > 9 ? 100 : 10) + value) % 97;
  }
  return rest;
}

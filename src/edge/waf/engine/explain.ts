/** Why a rule matched, for people: cut, printable, and no more than a log line can bear. */
import { type Bytes, textOfBytes } from "../match/index.ts";
import { PIECE_CHARACTERS_MAX } from "./limits.ts";
import type { PlannedRule } from "./plan.ts";
import type { Variables } from "./variables.ts";
import type { WafMatch, WafPhase } from "./words.ts";

const SEVERITIES = ["emergency", "alert", "critical", "error", "warning", "notice", "info", "debug"];

/** In UTF-8. */
const CHARACTER_BYTES_MAX = 4;

export const PHASE_NAMES: readonly WafPhase[] = [
  "end",
  "request head",
  "request body",
  "reply head",
  "reply body",
  "end",
];

/** What was seen of one value at the moment when it matched. */
export interface Seen {
  readonly variable: Bytes;
  readonly piece: Bytes;
}

export function explain(planned: PlannedRule, seen: Seen, message: Bytes, data: Bytes, score: number): WafMatch {
  const { rule } = planned;
  return {
    ruleId: rule.id,
    phase: PHASE_NAMES[rule.phase]!,
    message: printable(message),
    severity: rule.severity === undefined ? "" : (SEVERITIES[rule.severity] ?? ""),
    variable: printable(seen.variable),
    piece: printable(seen.piece),
    data: printable(data),
    tags: planned.tags,
    paranoia: planned.paranoia,
    score,
    file: rule.file,
    line: rule.line,
  };
}

/** Cut, and without characters that could forge a log line or a terminal's state. */
export function printable(bytes: Bytes): string {
  const all = textOfBytes(bytes.slice(0, PIECE_CHARACTERS_MAX * CHARACTER_BYTES_MAX));
  const text = all.slice(0, PIECE_CHARACTERS_MAX);
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what has to go
  const clean = text.replaceAll(/[\u0000-\u001f\u007f-\u009f\u2028\u2029\ufffd]/g, ".");
  return text.length < all.length ? `${clean}…` : clean;
}

const LEVELS = [1, 2, 3, 4];

/** Of all paranoia levels so far, as CRS 3 and CRS 4 name them. */
export function inboundScore(variables: Variables): number {
  return sumOf(variables, "anomaly_score_pl") + sumOf(variables, "inbound_anomaly_score_pl");
}

export function outboundScore(variables: Variables): number {
  return sumOf(variables, "outbound_anomaly_score_pl");
}

function sumOf(variables: Variables, name: string): number {
  let sum = 0;
  for (const level of LEVELS) sum += variables.txNumber(`${name}${level}`);
  return sum;
}

/** What a firewall says of a request, for logs: each rule that matched and where, with what the file's masks hide. */
import { systemClock } from "../../base/clock.ts";
import {
  PIECE_CHARACTERS_MAX,
  PIECE_SHOWN_CHARACTERS,
  type WafRecord,
  type WafVerdict,
} from "../../edge/waf/engine/index.ts";
import { openLogFile } from "../node/log-file.ts";
import { requireLogPlace } from "./log-places.ts";
import { CUT, shownText } from "./shown-text.ts";

/** As the access log has it: enough for weeks of attacks, and five of them. */
const FILE_BYTES_MAX = 128 * 1024 * 1024;

/** What is to be seen of a text of this request. */
export type MaskText = (text: string) => string;

export interface Audit {
  /** Appends a line. */
  add(record: WafRecord, request: string, mask: MaskText): void;
  /** Its firewall looks at no further requests; those under way may still have a line. */
  close(): void;
}

/** The file of `audit_log`: a line of JSON for each request in which a rule matched. Fails with `gateway.config.log_folder` and `usage.log_file`. */
export function openAudit(path: string | undefined, warn: (text: string) => void): Audit | undefined {
  if (path === undefined) return undefined;
  requireLogPlace("audit_log", path);
  const write = openLogFile(path, { warn, fileBytesMax: FILE_BYTES_MAX, option: "audit_log" });
  return {
    add: (record, request, mask) => write(`${JSON.stringify(auditOf(record, request, mask))}\n`),
    close: () => write.close(),
  };
}

export function rulesTold({ matches }: WafRecord, mask: MaskText) {
  return matches.map(({ data, message, paranoia, piece, ruleId, score, severity, tags, variable }) => ({
    ...{ rule: ruleId, message: wafText(message, mask), severity, variable: wafText(variable, mask) },
    ...{ piece: wafText(piece, mask), data: wafText(data, mask), paranoia, score, tags },
  }));
}

const HIDDEN = "********";
/** Shorter ones stand in any text. */
const QUOTE_CHARS_MIN = 3;

type Quote = Pick<WafRecord["matches"][number], "data" | "piece" | "variable">;

/** Takes out of all that is told of a request what its firewall quotes of hidden fields: other rules, and messages, quote it too. */
export function withoutQuotes(matches: readonly Quote[], hides: (variable: string) => boolean): MaskText {
  const hidden = matches.filter(({ variable }) => hides(variable)).flatMap(({ data, piece }) => [data, piece]);
  // As much of each as is looked at.
  const quotes = [...new Set(hidden.map((text) => text.slice(0, PIECE_CHARACTERS_MAX)))]
    .filter(({ length }) => length >= QUOTE_CHARS_MIN)
    .toSorted((left, right) => right.length - left.length);
  const whole = new Set(hidden);
  return (text) => {
    if (quotes.length === 0 || text === "") return text;
    return whole.has(text) ? HIDDEN : quotes.reduce((left, quote) => left.replaceAll(quote, HIDDEN), text);
  };
}

export function wafText(text: string, mask: MaskText): string {
  const shown = shownText(text, PIECE_SHOWN_CHARACTERS, mask);
  const isCut =
    text.length > PIECE_CHARACTERS_MAX || (text.length > shown.length && shown.length === PIECE_SHOWN_CHARACTERS);
  return isCut ? `${shown}${CUT}` : shown;
}

function auditOf(record: WafRecord, request: string, mask: MaskText) {
  const { client, inboundScore, matchesUnlisted, mode, outboundScore, route, verdict, waf, wouldBe } = record;
  return {
    ...{ time: new Date(systemClock.now()).toISOString(), request, waf, mode, client, route },
    verdict: said(verdict, mask),
    ...(mode === "detect" && { wouldBe: said(wouldBe, mask) }),
    ...{ inboundScore, outboundScore, rules: rulesTold(record, mask) },
    ...(matchesUnlisted > 0 && { rulesUnlisted: matchesUnlisted }),
  };
}

function said(verdict: WafVerdict, mask: MaskText) {
  return verdict.kind === "pass"
    ? { kind: "pass" }
    : { kind: "block", status: verdict.status, reason: verdict.reason, message: wafText(verdict.message, mask) };
}

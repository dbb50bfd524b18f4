/** What a peer said is no HTTP, or more of it than is allowed. The status is what a client is told; an upstream's fault is the caller's to name. */
import { Failure } from "../../base/errors.ts";

/**
 * Codes: `http.malformed` (400), `http.head_too_large` (431), `http.target_too_long` (414), `http.unsupported` (405, 417, 421, 501, 505),
 * `http.cut_short` (400: the connection ended before the message). `data.rule` names the rule that was broken, in one word.
 */
export class HttpFault extends Failure {
  readonly status: number;
  readonly rule: string;

  constructor(status: number, code: string, rule: string, message: string) {
    super(code, message, { data: { rule, status } });
    this.status = status;
    this.rule = rule;
  }
}

/** How much of what was sent is shown: it is the attacker's text. */
const SHOWN_LENGTH_MAX = 60;

export function malformed(rule: string, message: string): HttpFault {
  return new HttpFault(400, "http.malformed", rule, message);
}

export function unsupported(status: number, rule: string, message: string): HttpFault {
  return new HttpFault(status, "http.unsupported", rule, message);
}

/** The text as JSON writes it, its beginning only: safe for logs. */
export function shown(text: string): string {
  return JSON.stringify(text.length > SHOWN_LENGTH_MAX ? `${text.slice(0, SHOWN_LENGTH_MAX)}…` : text);
}

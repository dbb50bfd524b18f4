/**
 * The words of the WAF towards its callers: what it is given of a request and its reply, what it decides, and what it tells
 * about it afterwards. It refuses to know sockets, routes' targets and logs: those belong to the gateway.
 */
import type { HeaderList } from "../../../wire/http/index.ts";

/** What a firewall works by; a `WafPlan` of the gateway file is one. */
export interface WafSettings {
  readonly id: string;
  /** Directory or file of rules. */
  readonly rules: string;
  readonly mode: "block" | "detect" | "off";
  readonly paranoia: number;
  readonly inboundThreshold: number;
  readonly outboundThreshold: number;
  readonly bodyBytesMax: number;
  readonly replyBytesMax: number;
  readonly looksAtReplies: boolean;
  /** Rule ids (`942100`, `942100-942199`), tags (`attack-sqli`, `tag:attack-sqli`), or `id:TARGET` (`942100:ARGS:q`). */
  readonly exclude: readonly string[];
  /** Of a compressed body, after inflation. Default: `bodyBytesMax`. */
  readonly inflatedBytesMax?: number | undefined;
  readonly inflateRatioMax?: number | undefined;
}

/** How the engine reads rule files; paths as the settings and the rules write them. Texts are latin1: one character a byte. */
export interface WafFiles {
  isDirectory(path: string): boolean;
  /** Names in it, in any order; none when it is not there. */
  list(directory: string): readonly string[];
  /** Undefined: there is no such file. */
  read(path: string): string | undefined;
}

/** Who asks, and on which route. */
export interface WafContext {
  readonly clientAddress: string;
  readonly clientPort: number;
  readonly serverAddress: string;
  readonly serverPort: number;
  /** For statistics: id of the route. */
  readonly route: string;
}

export interface WafRequestHead {
  readonly method: string;
  /** Path and query as they were sent. */
  readonly target: string;
  /** `1.1`, `2`, … */
  readonly version: string;
  /** `:authority` or `Host`; put among the headers as `host` where it is missing there. */
  readonly authority: string;
  readonly headers: HeaderList;
  /** Fields of the hop that are not among them (`transfer-encoding`, `connection`, …): rules look at these, too. */
  readonly hop?: HeaderList | undefined;
}

export interface WafReplyHead {
  readonly status: number;
  readonly headers: HeaderList;
}

export type WafPhase = "request head" | "request body" | "reply head" | "reply body" | "end";

export type WafVerdict =
  | { readonly kind: "pass" }
  | {
      readonly kind: "block";
      /** 403, what the rule says, 413 for a body beyond its limit, 400 for one that cannot be read; 302 with `location`. */
      readonly status: number;
      /** Set by `redirect`. */
      readonly location?: string | undefined;
      /** The rule says `drop`: the connection is closed without a reply. */
      readonly isDrop: boolean;
      /** `waf.rule`, `waf.score`, `waf.body_size`, `waf.body_inflated`, `waf.body_encoding`, `waf.arguments`, `waf.budget`, `waf.busy`, `waf.fault` (what could not be decided). */
      readonly reason: string;
      /** For logs, never for the client. */
      readonly message: string;
      readonly phase: WafPhase;
      readonly ruleId: number;
      readonly score: number;
      readonly matches: readonly WafMatch[];
    };

/** One rule that matched and wants to be seen. */
export interface WafMatch {
  readonly ruleId: number;
  readonly phase: WafPhase;
  readonly message: string;
  /** `critical`, …; empty when the rule names none. */
  readonly severity: string;
  /** `ARGS:q` */
  readonly variable: string;
  /** The piece that matched, cut and printable. */
  readonly piece: string;
  readonly data: string;
  readonly tags: readonly string[];
  /** 0: the rule has no paranoia tag. */
  readonly paranoia: number;
  /** Inbound (of reply phases: outbound) anomaly score after this rule. */
  readonly score: number;
  readonly file: string;
  readonly line: number;
}

/** All of one transaction, at its end. */
export interface WafRecord {
  readonly id: string;
  readonly waf: string;
  readonly route: string;
  readonly client: string;
  readonly mode: "block" | "detect";
  readonly verdict: WafVerdict;
  /** In detect mode: what block mode would have said. */
  readonly wouldBe: WafVerdict;
  readonly inboundScore: number;
  readonly outboundScore: number;
  readonly matches: readonly WafMatch[];
  /** Matches beyond `MATCHES_MAX`, which are not listed. */
  readonly matchesUnlisted: number;
  /** Steps of the matching budget that were used. */
  readonly steps: number;
}

export interface WafCounts {
  transactions: number;
  blocked: number;
  /** In detect mode. */
  wouldBlock: number;
  matches: number;
  budgetExceeded: number;
  /** Rules or bodies that broke the engine: refused in block mode. */
  faults: number;
  bodiesRefused: number;
  /** Refused because too many others took turns; in detect mode let through unseen. */
  busy: number;
  /** Replies whose body could not be looked at: compressed in a way that is not known, or too dense. */
  repliesUnread: number;
}

/** An exclusion that the traffic seen in detect mode asks for. */
export interface WafProposal {
  /** `SecRuleUpdateTargetById 942100 "!ARGS:q"` */
  readonly directive: string;
  /** The same as an item of the gateway file's `exclude` option. */
  readonly exclude: string;
  readonly ruleId: number;
  readonly variable: string;
  readonly message: string;
  readonly evidence: {
    readonly requests: number;
    readonly clients: number;
    readonly routes: readonly { readonly route: string; readonly requests: number }[];
    /** Of the route's (routes') requests, 0 to 1. */
    readonly share: number;
    readonly sample: string;
  };
}

/** Something of the rules that this engine does not do, and what becomes of it. */
export interface WafUnsupported {
  readonly file: string;
  readonly line: number;
  readonly what: string;
  readonly consequence: string;
  /** The file is wrong; else it is right, and only this engine does not do it. In block mode such rules are not to be run. */
  readonly isFault: boolean;
}

/**
 * One request and its reply before the firewall: phases 1 to 4 as their pieces come, phase 5 at the end. Calls come in that order, each at
 * most once; after a block only `end` is of use. In detect mode every verdict is `pass`; what would have been said is in the record.
 *
 * A call that is given a turn may end without a verdict when the turn is over: `goOn` goes on, with the next turn, until there is one. Without a turn
 * each call is done in one go. The verdict is the same.
 */
import type { InTurns } from "../../../base/turns.ts";
import { headerOf, headersOf } from "../../../wire/http/index.ts";
import { bytesOfBuffer, MatchRun } from "../match/index.ts";
import type { WafBasis } from "./basis.ts";
import { inflate } from "./body/inflate.ts";
import { ArgumentSink } from "./body/sink.ts";
import { Effects, type Switches } from "./effects.ts";
import { Evaluator, type Interruption } from "./evaluate.ts";
import { inboundScore, outboundScore, PHASE_NAMES, printable } from "./explain.ts";
import { STEPS_MAX } from "./limits.ts";
import { expand } from "./macros.ts";
import { END, type PlannedRule, REPLY_BODY, REPLY_HEAD, REQUEST_BODY, REQUEST_HEAD } from "./plan.ts";
import { Removals } from "./removals.ts";
import { type BodyRefusal, fillBody, type OpenedBody, openBody, openBodyLater, tooLarge } from "./request-body.ts";
import { fillConnection, fillReply, fillRequest } from "./request-variables.ts";
import { ENDLESS, type Turn } from "./turn.ts";
import { Variables } from "./variables.ts";
import type { WafContext, WafRecord, WafReplyHead, WafRequestHead, WafVerdict } from "./words.ts";

const PASS: WafVerdict = { kind: "pass" };
const ENGINES = { block: "On", detect: "DetectionOnly", off: "Off" } as const;

export class WafTransaction {
  readonly id: string;
  readonly #basis: WafBasis;
  readonly #context: WafContext;
  readonly #run = new MatchRun(STEPS_MAX);
  readonly #variables: Variables;
  readonly #switches: Switches;
  readonly #sink: ArgumentSink;
  readonly #evaluator: Evaluator;
  readonly #startedAt: number;
  #version = "";
  #contentType = "";
  #encoding = "";
  #replyEncoding = "";
  #allowed: "nothing" | "request" | "all" = "nothing";
  #verdict: WafVerdict = PASS;
  #wouldBe: WafVerdict = PASS;
  /** In milliseconds of this process' time. */
  #spentMs = 0;
  /** The call that is being done. */
  #work: { readonly phase: number; readonly pieces: InTurns<WafVerdict> } | undefined;
  #turn = ENDLESS;

  constructor(basis: WafBasis, context: WafContext, id: string) {
    this.id = id;
    this.#basis = basis;
    this.#context = context;
    const { clock, settings } = basis;
    this.#startedAt = clock.monotonic();
    const times = { now: () => clock.now(), elapsedMs: () => clock.monotonic() - this.#startedAt };
    this.#variables = new Variables(times, basis.pool);
    this.#switches = {
      engine: ENGINES[settings.mode],
      bodyProcessor: undefined,
      isRequestBodyRead: basis.isRequestBodyRead,
      isReplyBodyRead: settings.looksAtReplies,
      requestBodyBytesMax: basis.bodyLimits.bytesMax,
      replyBodyBytesMax: settings.replyBytesMax,
    };
    this.#sink = new ArgumentSink(this.#variables, basis.argumentsMax);
    const removals = new Removals(basis.removalIndex);
    const effects = new Effects(this.#variables, basis.records, removals, this.#switches);
    this.#evaluator = new Evaluator(basis.plan, this.#variables, this.#run, effects, removals, this.#switches);
    fillConnection(this.#variables, context, id);
    if (basis.webAppId !== undefined) this.#variables.setSingle("WEBAPPID", basis.webAppId);
  }

  /** Whether what it says is carried out; rules may change it. */
  get isBlocking(): boolean {
    return this.#switches.engine === "On";
  }

  /** After `requestHead`: whether the body has to be gathered before it goes on; `requestBody` is called all the same, with nothing. */
  get wantsRequestBody(): boolean {
    return this.#isLooking("request") && this.#switches.isRequestBodyRead;
  }

  /** One byte more than this need not be gathered: `requestBody` refuses it. */
  get requestBodyBytesMax(): number {
    return this.#switches.requestBodyBytesMax;
  }

  /** After `replyHead`: bodies of some types are looked at. */
  get readsReplies(): boolean {
    return this.#isLooking("all") && this.#switches.isReplyBodyRead;
  }

  /** After `replyHead`. */
  get wantsReplyBody(): boolean {
    if (!this.readsReplies) return false;
    const type = this.#variables.single("RESPONSE_CONTENT_TYPE").split(";", 1)[0]!.trim().toLowerCase();
    return this.#basis.replyTypes.includes(type);
  }

  /** Only so many bytes of a reply are looked at; what is behind them may flow. */
  get replyBodyBytesMax(): number {
    return this.#switches.replyBodyBytesMax;
  }

  requestHead(head: WafRequestHead): WafVerdict;
  requestHead(head: WafRequestHead, turn: Turn): WafVerdict | undefined;
  requestHead(head: WafRequestHead, turn: Turn = ENDLESS): WafVerdict | undefined {
    return this.#begin(REQUEST_HEAD, this.#lookAtHead(head), turn);
  }

  *#lookAtHead(head: WafRequestHead): InTurns<WafVerdict> {
    this.#version = head.version;
    this.#contentType = headerOf(head.headers, "content-type") ?? "";
    this.#encoding = headersOf(head.headers, "content-encoding").join(",");
    yield* fillRequest(this.#variables, head, this.#sink, this.#basis.bodyLimits.separator);
    const overflow = this.#sink.isOverflown ? this.#refuse(this.#overflow(), REQUEST_HEAD) : PASS;
    const verdict = overflow.kind === "block" ? overflow : yield* this.#phase(REQUEST_HEAD);
    if (verdict.kind === "block") return verdict;
    const length = Number(headerOf(head.headers, "content-length") ?? 0);
    if (this.wantsRequestBody && length > this.#switches.requestBodyBytesMax)
      return this.#refuse(tooLarge(length, this.#switches.requestBodyBytesMax), REQUEST_HEAD);
    return PASS;
  }

  /** Inflates a body in another thread, for `requestBody`, which would do it in one go; undefined: there is nothing to inflate. */
  inflation(bytes: Uint8Array): ((done: (opened: OpenedBody) => void) => void) | undefined {
    const isPlain = this.#encoding === "" || bytes.length === 0;
    if (isPlain || !this.wantsRequestBody || bytes.length > this.requestBodyBytesMax) return undefined;
    return (done) => openBodyLater(bytes, this.#encoding, this.#basis.bodyLimits, done);
  }

  /** The whole body; empty when there is none. `opened`: what has come of its inflation. */
  requestBody(bytes: Uint8Array): WafVerdict;
  requestBody(bytes: Uint8Array, turn: Turn, opened?: OpenedBody): WafVerdict | undefined;
  requestBody(bytes: Uint8Array, turn: Turn = ENDLESS, opened?: OpenedBody): WafVerdict | undefined {
    return this.#begin(REQUEST_BODY, this.#lookAtBody(bytes, opened), turn);
  }

  *#lookAtBody(bytes: Uint8Array, opened: OpenedBody | undefined): InTurns<WafVerdict> {
    if (!this.#isLooking("request")) return PASS;
    const refusal = this.#switches.isRequestBodyRead ? yield* this.#readBody(bytes, opened) : undefined;
    if (refusal !== undefined) {
      const verdict = this.#refuse(refusal, REQUEST_BODY);
      if (verdict.kind === "block") return verdict;
    }
    return yield* this.#phase(REQUEST_BODY);
  }

  *#readBody(bytes: Uint8Array, inflated: OpenedBody | undefined): InTurns<BodyRefusal | undefined> {
    const limits = { ...this.#basis.bodyLimits, bytesMax: this.#switches.requestBodyBytesMax };
    const opened = inflated ?? openBody(bytes, this.#encoding, limits);
    if (!(opened instanceof Uint8Array)) return opened;
    yield;
    yield* fillBody(opened, this.#contentType, this.#variables, this.#sink, limits);
    return this.#sink.isOverflown ? this.#overflow() : undefined;
  }

  replyHead(head: WafReplyHead): WafVerdict {
    return this.#atOnce(REPLY_HEAD, this.#lookAtReplyHead(head));
  }

  *#lookAtReplyHead(head: WafReplyHead): InTurns<WafVerdict> {
    fillReply(this.#variables, head, this.#version);
    if (Number(this.#variables.single("RESPONSE_CONTENT_LENGTH")) > this.#switches.replyBodyBytesMax)
      this.#variables.setSingle("OUTBOUND_DATA_ERROR", "1");
    this.#replyEncoding = headersOf(head.headers, "content-encoding").join(",");
    return this.#isLooking("all") ? yield* this.#phase(REPLY_HEAD) : PASS;
  }

  /** The reply's body, or its first `replyBodyBytesMax` bytes; empty when it is not looked at. */
  replyBody(bytes: Uint8Array): WafVerdict;
  replyBody(bytes: Uint8Array, turn: Turn): WafVerdict | undefined;
  replyBody(bytes: Uint8Array, turn: Turn = ENDLESS): WafVerdict | undefined {
    return this.#begin(REPLY_BODY, this.#lookAtReplyBody(bytes), turn);
  }

  *#lookAtReplyBody(bytes: Uint8Array): InTurns<WafVerdict> {
    if (!this.#isLooking("all")) return PASS;
    const seen = bytes.subarray(0, this.#switches.replyBodyBytesMax);
    const { inflateRatioMax } = this.#basis.bodyLimits;
    const inflated = inflate(seen, this.#replyEncoding, this.#switches.replyBodyBytesMax, inflateRatioMax);
    if (inflated.kind === "bytes") this.#variables.setSingle("RESPONSE_BODY", bytesOfBuffer(inflated.bytes));
    else this.#basis.counts.repliesUnread += 1;
    yield;
    return yield* this.#phase(REPLY_BODY);
  }

  /** The last call, whatever happened: rules that correlate, and the record of it all. In one go. */
  end(): WafRecord {
    this.#atOnce(END, this.#lookBack());
    const record = this.#record();
    this.#basis.onEnd(record, this.#context, this.#spentMs);
    return record;
  }

  *#lookBack(): InTurns<WafVerdict> {
    if (this.#switches.engine !== "Off" && !this.#run.isExhausted) yield* this.#rulesOf(END);
    return PASS;
  }

  #record(): WafRecord {
    const evaluator = this.#evaluator;
    return {
      id: this.id,
      waf: this.#basis.settings.id,
      route: this.#context.route,
      client: this.#context.clientAddress,
      mode: this.#basis.settings.mode === "block" ? "block" : "detect",
      verdict: this.#verdict,
      wouldBe: this.#verdict.kind === "block" ? this.#verdict : this.#wouldBe,
      inboundScore: inboundScore(this.#variables),
      outboundScore: outboundScore(this.#variables),
      matches: evaluator.matches,
      matchesUnlisted: evaluator.matchesUnlisted,
      steps: STEPS_MAX - this.#run.stepsLeft,
    };
  }

  #atOnce(phase: number, work: InTurns<WafVerdict>): WafVerdict {
    return this.#begin(phase, work, ENDLESS)!; // it has no end before the work has
  }

  #begin(phase: number, work: InTurns<WafVerdict>, turn: Turn): WafVerdict | undefined {
    this.#work = { phase, pieces: work };
    return this.goOn(turn);
  }

  /** With a call that has not come to a verdict. Undefined: this turn is over, too. */
  goOn(turn: Turn): WafVerdict | undefined {
    const { phase, pieces } = this.#work!; // begun
    const { clock } = this.#basis;
    const from = clock.monotonic();
    this.#turn = turn;
    const verdict = this.#whole(phase, pieces);
    this.#spentMs += clock.monotonic() - from;
    return verdict;
  }

  /** There is no room for requests that take turns: refused, or in detect mode let go on unseen. Instead of `goOn`. */
  refuseBusy(): WafVerdict {
    const { phase } = this.#work!; // begun
    this.#allowed = "all";
    this.#basis.counts.busy += 1;
    const message =
      "looking at a long request in turns: too many wait, or too many bytes of them; a later try is required";
    return this.#say(this.#block({ status: 503, reason: "waf.busy", message, phase, ruleId: 0 }));
  }

  /** What breaks has not been looked at: it does not pass, and nobody else breaks of it. */
  #whole(phase: number, work: InTurns<WafVerdict>): WafVerdict | undefined {
    try {
      for (;;) {
        const { done, value } = work.next();
        if (done === true) return value;
        if (this.#turn.isOverNow()) return undefined;
      }
    } catch (thrown) {
      this.#basis.counts.faults += 1;
      const message = `looking at the ${PHASE_NAMES[phase]}: ${String(thrown)}; required: a verdict`;
      const block = this.#block({ status: 403, reason: "waf.fault", message: printable(message), phase, ruleId: 0 });
      return phase === END ? PASS : this.#say(block);
    }
  }

  #isLooking(at: "request" | "all"): boolean {
    if (this.#verdict.kind === "block" || this.#switches.engine === "Off" || this.#allowed === "all") return false;
    return at === "all" || this.#allowed === "nothing";
  }

  *#rulesOf(phase: number): InTurns<Interruption | undefined> {
    this.#evaluator.begin(phase);
    for (;;) {
      const progress = this.#evaluator.goOn(this.#turn);
      if (progress !== "paused") return progress;
      yield;
    }
  }

  *#phase(phase: number): InTurns<WafVerdict> {
    const interruption = yield* this.#rulesOf(phase);
    const { wouldBlock } = this.#evaluator;
    if (wouldBlock !== undefined && this.#wouldBe === PASS) this.#wouldBe = this.#blockOf(wouldBlock, phase);
    if (interruption?.kind === "allow") {
      if (interruption.scope !== "phase") this.#allowed = interruption.scope;
      return PASS;
    }
    if (interruption?.kind === "budget") this.#basis.counts.budgetExceeded += 1;
    if (interruption?.kind === "fault") this.#basis.counts.faults += 1;
    return interruption === undefined ? PASS : this.#say(this.#blockOf(interruption, phase));
  }

  #overflow(): BodyRefusal {
    return {
      status: 400,
      reason: "waf.arguments",
      message: `taking a request's arguments: more than ${this.#basis.argumentsMax}, or too many bytes of them; no more are allowed (SecArgumentsLimit)`,
    };
  }

  #refuse(refusal: BodyRefusal, phase: number): WafVerdict {
    this.#basis.counts.bodiesRefused += 1;
    this.#variables.setSingle("INBOUND_DATA_ERROR", "1");
    const { status, reason, message } = refusal;
    return this.#say(this.#block({ status, reason, message, phase, ruleId: 0 }));
  }

  /** A block as it is said: in detect mode it is only kept. */
  #say(block: WafVerdict): WafVerdict {
    if (this.#switches.engine === "On") {
      this.#verdict = block;
      return block;
    }
    if (this.#wouldBe === PASS) this.#wouldBe = block;
    return PASS;
  }

  #blockOf(interruption: Interruption, phase: number): WafVerdict {
    if (interruption.kind === "fault")
      return this.#block({
        status: 403,
        reason: "waf.fault",
        message: interruption.failure.message,
        phase,
        ruleId: interruption.planned.rule.id,
      });
    if (interruption.kind !== "rule")
      return this.#block({
        status: 403,
        reason: "waf.budget",
        message: `matching rules: more than ${STEPS_MAX} steps; no more are allowed for one request`,
        phase,
        ruleId: 0,
      });
    const { rule } = interruption.planned;
    const location = rule.redirect === undefined ? undefined : expand(rule.redirect, this.#variables, rule);
    return this.#block({
      status: location === undefined ? (rule.status ?? 403) : redirectStatus(rule.status),
      reason: isEvaluation(interruption.planned) ? "waf.score" : "waf.rule",
      message: printable(interruption.message),
      phase,
      ruleId: rule.id,
      isDrop: rule.disruptive === "drop",
      location,
    });
  }

  #block(what: BlockParts): WafVerdict {
    const { status, reason, message, phase, ruleId, isDrop = false, location } = what;
    const score = phase >= REPLY_HEAD ? outboundScore(this.#variables) : inboundScore(this.#variables);
    const { matches } = this.#evaluator;
    return {
      kind: "block",
      status,
      location,
      isDrop,
      reason,
      message,
      phase: PHASE_NAMES[phase]!,
      ruleId,
      score,
      matches: [...matches],
    };
  }
}

/** SecDefaultAction's status is often a refusal: clients would not follow it. As ModSecurity has it. */
function redirectStatus(status: number | undefined): number {
  return status !== undefined && status >= 301 && status <= 308 ? status : 302;
}

interface BlockParts {
  readonly status: number;
  readonly reason: string;
  readonly message: string;
  readonly phase: number;
  readonly ruleId: number;
  readonly isDrop?: boolean;
  readonly location?: string | undefined;
}

/** A rule that looks at the sum of scores. */
function isEvaluation({ links }: PlannedRule): boolean {
  const selector = links[0]?.link.targets[0]?.selector;
  return selector?.kind === "key" && selector.key.toLowerCase().includes("anomaly_score");
}

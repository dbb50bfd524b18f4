/**
 * One lane of a stage: a host process now and its successors later, and the batches inside it in the order they were
 * sent. A host works on the first of them; when it dies, that one has failed and the others were never tried. The lane
 * enforces the time limit from outside: a host in a busy loop cannot be asked, only killed.
 *
 * A lane that is held takes nothing more; when nothing is inside it can be given another host. A host on trial has one
 * batch at a time, and what it fails is asked of the host before: only what that one does better is the new one's fault.
 */
import type { Clock, Timer } from "../../../base/clock.ts";
import { Failure } from "../../../base/errors.ts";
import type { DoneMessage, FromHost, HostExit, NeedMessage, ToHost } from "../../../process/plugin/index.ts";
import type { BatchSample } from "./batch-sample.ts";
import { NO_SLOT, type Slot } from "./edge.ts";
import {
  doneFault,
  doneOf,
  failureOf,
  finish,
  isFault,
  type Request,
  type Sent,
  showsWorth,
  type Tried,
} from "./lane-request.ts";
import type { Past, ReplayEntry } from "./replay-log.ts";
import type { HostUser, StageHost } from "./stage-host.ts";
import type { StateMemory } from "./state-memory.ts";
import type { Item, Outcome } from "./types.ts";

/** Batches sent to a host at once: one to work on and one to begin with when that is done. */
const DEPTH = 2;

export interface LaneOptions {
  readonly clock: Clock;
  readonly timeoutMs: number;
  readonly stopTimeoutMs: number;
  readonly state: Pick<StateMemory, "carry" | "room">;
  readonly sample?: BatchSample | undefined;
  /** A larger output slot for a batch that outgrew its own; nothing when that could take until the lane is free. */
  grow(item: Item, bytes: number): Promise<Slot | undefined>;
}

/** A host that has yet to show that it is no worse than the one before. */
export interface Trial {
  /** It has finished a batch. */
  passed(): void;
  /** It failed a batch that is not to blame, or died by itself. The lane has no use for it any more. */
  failed(reason: string): void;
  /** What the host before makes of the same request; nothing where it cannot be asked. Never rejects. */
  opinion(sent: Sent): Promise<Tried | undefined>;
}

type Answer = Extract<FromHost, { t: "done" | "state" }>;
/** What the lane itself asks its host for, between batches. */
type Question = Extract<ToHost, { t: "replay" | "snapshot" }>;

interface Asked {
  readonly request: number;
  resolve(message: Answer): void;
  reject(reason: Failure): void;
}

export class Lane implements HostUser {
  readonly number: number;
  readonly #options: LaneOptions;
  #host: StageHost | undefined;
  #ready = false;
  #held = false;
  #sent: Sent[] = [];
  #requests = 0;
  #timer: Timer | undefined;
  #timedOut = false;
  #asked: Asked | undefined;
  #recycled = false;
  #stopping = false;
  #killReason: string | undefined;
  #trial: Trial | undefined;
  /** Somebody else is asked about a batch that the host on trial has failed. */
  #doubt: Promise<void> | undefined;
  #drained: (() => void)[] = [];
  /** Whether its host's end said nothing new about the plugin's health: see `exited`. */
  #endWasExpected = false;
  /** True once a host came through its start: the plugin can run. */
  hasServed = false;

  constructor(number: number, options: LaneOptions) {
    this.number = number;
    this.#options = options;
  }

  get pid(): number | undefined {
    return this.#host?.pid;
  }

  get free(): boolean {
    return this.#ready && !this.#held && !this.#doubt && this.#sent.length < (this.#trial ? 1 : DEPTH);
  }

  /** Takes nothing more until it is released, or opened. */
  get held(): boolean {
    return this.#held;
  }

  get idle(): boolean {
    return this.#sent.length === 0 && !this.#doubt;
  }

  /** Resolves when it is clear whether the host on trial, which may be gone, was to blame. */
  async undoubted(): Promise<void> {
    await this.#doubt;
  }

  get onTrial(): boolean {
    return this.#trial !== undefined;
  }

  /** Has a host that takes batches, or would if it were not held. */
  get serving(): boolean {
    return this.#ready;
  }

  /** Another life, after `stop` or `kill`. */
  open(): void {
    this.#stopping = this.#held = false;
    this.#killReason = undefined;
  }

  /** A process was started for this lane; it serves once `attach` says so, but it can be ended from now on. */
  adopt(host: StageHost): void {
    this.#host = host;
    this.#endWasExpected = false;
    host.use(this);
    if (this.#killReason !== undefined) host.kill(this.#killReason);
  }

  /** A started host takes over, after it has gone through what is behind it. A lane that is held stays so. */
  async attach(host: StageHost, past: Past | undefined, trial?: Trial): Promise<void> {
    host.busy(true);
    if (past?.snapshot) await host.restore(this.#options.state.carry(past.snapshot));
    for (const entry of past?.entries ?? []) await this.#replay(entry);
    host.busy(false);
    if (this.#stopping) void host.stop(this.#options.stopTimeoutMs);
    else if (this.#host === host && host.alive) {
      this.#trial = trial;
      this.#ready = this.hasServed = true;
    }
  }

  /** The host lives on without the lane. Only when nothing is inside. */
  detach(): StageHost | undefined {
    const host = this.#host;
    host?.use(undefined);
    this.#host = this.#trial = undefined;
    this.#ready = this.#recycled = this.#timedOut = false;
    this.#timer?.cancel();
    return host;
  }

  /** Takes nothing more. Resolves when nothing is inside. */
  hold(): Promise<void> {
    this.#held = true;
    if (this.idle) return Promise.resolve();
    return new Promise((resolve) => {
      this.#drained.push(resolve);
    });
  }

  /** Its host has shown enough. */
  endTrial(): void {
    this.#trial = undefined;
  }

  /** Takes batches again, or will when it has a host. */
  release(): void {
    this.#held = false;
  }

  /** The state of the host between two batches. Only while nothing is inside; the time limit of a batch holds. */
  async askState(expectedBytes: number): Promise<Uint8Array> {
    const room = this.#options.state.room(expectedBytes);
    try {
      const answer = await this.#ask({ t: "snapshot", ...(room && { room: room.place }) });
      if (answer.t !== "state") throw new Failure("plugin.protocol", `the host answered ${answer.t} to snapshot`);
      if (typeof answer.state === "string") return Buffer.from(answer.state, "base64");
      if (room && answer.state >= 0 && answer.state <= room.place[1]) return room.copy(answer.state);
      throw new Failure("plugin.protocol", `the host claims a state of ${answer.state} bytes in no room`);
    } finally {
      room?.release();
    }
  }

  /** Only while `free`. */
  run(request: Request): void {
    const sent: Sent = Object.assign(request, { number: ++this.#requests });
    this.#sent.push(sent);
    const output = [sent.slot.offset, sent.slot.capacityBytes] as const;
    this.#host!.send({ t: "process", request: sent.number, output, ...request.message });
    if (this.#sent.length > 1) return;
    this.#arm();
    this.#host!.busy(true);
  }

  /** Ends the host on purpose; its batches are tried again, once it is gone and cannot write to their slots. */
  recycle(reason: string): void {
    if (!this.#host) return;
    this.#ready = false;
    this.#recycled = true;
    this.#host.kill(reason);
  }

  /** In order: what is inside is finished, then the plugin cleans up. Also stops a host that is only just starting. */
  stop(): void {
    this.#stopping = true;
    void this.hold().then(() => {
      this.#ready = false;
      void this.#host?.stop(this.#options.stopTimeoutMs);
    });
  }

  kill(reason: string): void {
    this.#ready = false;
    this.#stopping = true;
    this.#killReason = reason;
    this.#host?.kill(reason);
  }

  message(message: FromHost): void {
    const request = "request" in message ? message.request : undefined;
    if (this.#asked) return this.#answered(this.#asked, message, request);
    if (!this.#ready) return;
    const head = this.#sent[0];
    if (!head || request !== head.number) return this.#host!.kill(`answered ${message.t} out of turn and was killed`);
    if (message.t === "done") this.#done(head, message);
    else if (message.t === "need") void this.#grow(head, message);
    else if (message.t === "failed") this.#settleHead(failureOf(head, message));
  }

  exited(exit: HostExit): void {
    const wished = this.#recycled || (this.#stopping && !this.#timedOut);
    const cause = this.#timedOut ? "timeout" : "crash";
    const reason = `the plugin's process ${exit.reason}`;
    this.#endWasExpected = this.#recycled || this.#sent[0]?.crashExpected === true;
    this.#asked?.reject(new Failure("plugin.exited", `${reason} between two batches`));
    this.#asked = undefined;
    this.#ready = this.#recycled = this.#timedOut = false;
    this.#host = undefined;
    this.#settleAll(wished ? undefined : { kind: "failed", cause, code: `plugin.${cause}`, reason });
    const trial = this.#trial;
    this.#trial = undefined;
    if (!wished && !this.#doubt) trial?.failed(reason);
  }

  /**
   * True when the end of the last host says nothing new about the plugin's health: the lane wished it, or it was over a batch
   * that had failed before, whose tries are counted.
   */
  get endWasExpected(): boolean {
    return this.#endWasExpected;
  }

  async #replay({ bytes, rows }: ReplayEntry): Promise<void> {
    const { content, release } = this.#options.state.carry(bytes);
    try {
      await this.#ask({ t: "replay", batch: content, ...(rows && { rows }) });
    } finally {
      release();
    }
  }

  #ask(
    question:
      | Omit<Extract<Question, { t: "replay" }>, "request">
      | Omit<Extract<Question, { t: "snapshot" }>, "request">,
  ) {
    return new Promise<Answer>((resolve, reject) => {
      const host = this.#host;
      if (!host) return reject(new Failure("plugin.exited", "the plugin's process is gone"));
      const request = ++this.#requests;
      this.#asked = { request, resolve, reject };
      host.send({ ...question, request });
      this.#arm();
    });
  }

  #answered(asked: Asked, message: FromHost, request: number | undefined): void {
    if (request !== asked.request) return;
    this.#asked = undefined;
    this.#arm();
    if (message.t === "done" || message.t === "state") return asked.resolve(message);
    const reason = message.t === "failed" ? `: ${message.error.message}` : "";
    asked.reject(new Failure("plugin.threw", `the plugin failed between two batches${reason}`));
    if (!this.#ready) this.#host?.kill("failed over a batch that it had processed before, and was killed");
  }

  #done(head: Sent, message: DoneMessage): void {
    const fault = doneFault(head, message);
    if (fault !== undefined) return this.#host!.kill(fault);
    if (!head.work.rows && !head.work.probe) this.#options.sample?.pass(head.item);
    this.#settleHead(doneOf(head, message));
  }

  /**
   * A grant of no bytes tells the host that there is no larger slot; it then fails the batch by itself. The slot it has is
   * given back first: two batches that each hold one and want another would wait for each other.
   */
  async #grow(head: Sent, { bytes }: NeedMessage): Promise<void> {
    this.#timer?.cancel();
    head.slot.release();
    head.slot = NO_SLOT;
    let slot: Slot | undefined = NO_SLOT;
    try {
      slot = await this.#options.grow(head.item, bytes);
      if (!slot) head.outgrownBytes = bytes;
    } catch {
      // none is large enough, or the pipeline stops: the batch's own failure says so
    }
    if (this.#sent[0] !== head) return slot?.release();
    head.slot = slot ?? NO_SLOT;
    const output = [head.slot.offset, head.slot.capacityBytes] as const;
    this.#host?.send({ t: "grant", request: head.number, output });
    this.#arm();
  }

  #settleHead(outcome: Outcome): void {
    const head = this.#sent.shift()!;
    this.#arm();
    this.#settle(head, outcome);
    this.#tellDrained();
  }

  /** The first batch has this outcome, the others go back; all go back without one. */
  #settleAll(headOutcome: Outcome | undefined): void {
    const sent = this.#sent;
    this.#sent = [];
    this.#timer?.cancel();
    sent.forEach((each, index) => {
      if (index === 0 && headOutcome) this.#settle(each, headOutcome);
      else finish(each, { kind: "requeue" });
    });
    this.#tellDrained();
  }

  #settle(head: Sent, outcome: Outcome): void {
    const trial = this.#trial;
    if (trial && isFault(outcome)) {
      this.#doubt = this.#askBefore(head, outcome, trial);
      return;
    }
    if (trial && showsWorth(outcome, head.work)) {
      this.#trial = undefined;
      trial.passed();
    }
    finish(head, outcome);
  }

  /** What the host before fails too is a try of the batch like any other; what it has done is done. */
  async #askBefore(head: Sent, outcome: Tried & { kind: "failed" }, trial: Trial): Promise<void> {
    const opinion = await trial.opinion({ ...head, number: ++this.#requests });
    this.#doubt = undefined;
    if (opinion?.kind !== "failed") trial.failed(outcome.reason);
    finish(head, opinion === undefined ? { kind: "requeue" } : opinion.kind === "done" ? opinion : outcome);
    this.#tellDrained();
  }

  #tellDrained(): void {
    if (!this.idle) return;
    this.#host?.busy(false);
    if (this.#drained.length === 0) return;
    for (const tell of this.#drained.splice(0)) tell();
  }

  /** The time limit counts from when the host can begin with the first batch. */
  #arm(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    if (this.#sent.length === 0 && !this.#asked) return;
    const { clock, timeoutMs } = this.#options;
    this.#timer = clock.after(timeoutMs, () => {
      this.#timedOut = true;
      this.#host?.kill(`did not finish a batch within ${timeoutMs} ms and was killed`);
    });
  }
}

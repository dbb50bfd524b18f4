/**
 * One lane of a stage: a host process now and its successors later, and the batches inside it in the order they were
 * sent. A host works on the first of them; when it dies, that one has failed and the others were never tried. The lane
 * enforces the time limit from outside: a host in a busy loop cannot be asked, only killed.
 */
import type { Clock, Timer } from "../../../base/clock.ts";
import { Failure } from "../../../base/errors.ts";
import type {
  DoneMessage,
  FailedMessage,
  FromHost,
  HostExit,
  HostProcess,
  NeedMessage,
  ProcessMessage,
} from "../../../process/plugin/index.ts";
import { alignedBytes } from "../../../process/plugin/index.ts";
import { NO_SLOT, type Slot } from "./edge.ts";
import type { ReplayLog } from "./replay-log.ts";
import type { Item, Outcome, Work } from "./types.ts";

/** Batches sent to a host at once: one to work on and one to begin with when that is done. */
const DEPTH = 2;

export interface LaneOptions {
  readonly clock: Clock;
  readonly timeoutMs: number;
  readonly stopTimeoutMs: number;
  /** A larger output slot for a batch that outgrew its own; nothing when that could take until the lane is free. */
  grow(item: Item, bytes: number): Promise<Slot | undefined>;
}

export interface Request {
  readonly item: Item;
  readonly work: Work;
  /** A crash over this batch does not count against the restart intensity: it is a retry or a search for poison. */
  readonly crashExpected: boolean;
  readonly message: Omit<ProcessMessage, "t" | "request" | "output">;
  slot: Slot;
  /** Called once, before the lane takes anything else. */
  settle(outcome: Outcome): void;
}

interface Sent extends Request {
  readonly number: number;
  /** Bytes that it needs and could not have here. */
  outgrownBytes?: number;
}

export class Lane {
  readonly number: number;
  readonly #options: LaneOptions;
  #host: HostProcess | undefined;
  #ready = false;
  #sent: Sent[] = [];
  #requests = 0;
  #timer: Timer | undefined;
  #timedOut = false;
  #replaying: { request: number; resolve(): void; reject(reason: Failure): void } | undefined;
  #recycled = false;
  #stopping = false;
  #killReason: string | undefined;
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
    return this.#ready && this.#sent.length < DEPTH;
  }

  get idle(): boolean {
    return this.#sent.length === 0;
  }

  /** A process was started for this lane; it serves once `attach` says so, but it can be ended from now on. */
  adopt(host: HostProcess): void {
    this.#host = host;
    if (this.#killReason !== undefined) host.kill(this.#killReason);
  }

  /** A started host takes over, after it has gone through the batches that its predecessor had behind it. */
  async attach(host: HostProcess, replays: ReplayLog | undefined): Promise<void> {
    this.#host = host;
    for (const { bytes, rows } of replays?.entries ?? []) {
      const replayed = Promise.withResolvers<void>();
      this.#replaying = { request: ++this.#requests, ...replayed };
      const text = Buffer.from(bytes).toString("base64");
      host.send({ t: "replay", request: this.#requests, bytes: text, ...(rows && { rows }) });
      this.#arm();
      await replayed.promise;
    }
    if (this.#stopping) void host.stop(this.#options.stopTimeoutMs);
    else if (this.#host === host) this.#ready = this.hasServed = true;
  }

  /** Only while `free`. */
  run(request: Request): void {
    const sent: Sent = Object.assign(request, { number: ++this.#requests });
    this.#sent.push(sent);
    const output = [sent.slot.offset, sent.slot.capacityBytes] as const;
    this.#host!.send({ t: "process", request: sent.number, output, ...request.message });
    if (this.#sent.length === 1) this.#arm();
  }

  /** Ends the host on purpose; its batches are tried again, once it is gone and cannot write to their slots. */
  recycle(reason: string): void {
    if (!this.#host) return;
    this.#ready = false;
    this.#recycled = true;
    this.#host?.kill(reason);
  }

  /** In order: the plugin cleans up. Also stops a host that is only just starting. */
  stop(): void {
    this.#ready = false;
    this.#stopping = true;
    void this.#host?.stop(this.#options.stopTimeoutMs);
  }

  kill(reason: string): void {
    this.#ready = false;
    this.#stopping = true;
    this.#killReason = reason;
    this.#host?.kill(reason);
  }

  message(message: FromHost): void {
    const request = "request" in message ? message.request : undefined;
    if (this.#replaying) return this.#replayed(message, request);
    if (!this.#ready) return;
    const head = this.#sent[0];
    if (!head || request !== head.number) return this.#host!.kill(`answered ${message.t} out of turn and was killed`);
    if (message.t === "done") this.#done(head, message);
    else if (message.t === "need") void this.#grow(head, message);
    else if (message.t === "failed") this.#settleHead(failureOf(head, message));
  }

  /**
   * True when the end says nothing new about the plugin's health: the lane wished it, or it was over a batch that had failed
   * before, whose tries are counted.
   */
  exited(exit: HostExit): boolean {
    const recycled = this.#recycled;
    const expected = this.#sent[0]?.crashExpected === true;
    const reason = `the plugin's process ${exit.reason}`;
    this.#replaying?.reject(new Failure("plugin.exited", `${reason} while it rebuilt its state`));
    this.#replaying = undefined;
    const cause = this.#timedOut ? "timeout" : "crash";
    this.#ready = this.#recycled = this.#timedOut = false;
    this.#host = undefined;
    this.#settleAll(recycled ? undefined : { kind: "failed", cause, code: `plugin.${cause}`, reason });
    return recycled || expected;
  }

  #replayed(message: FromHost, request: number | undefined): void {
    const replaying = this.#replaying!;
    if (request !== replaying.request) return;
    this.#replaying = undefined;
    this.#arm();
    if (message.t === "done") replaying.resolve();
    else this.#host?.kill("failed over a batch that it had processed before, and was killed");
  }

  #done(head: Sent, message: DoneMessage): void {
    const bytes = message.sizes.reduce((sum, size) => sum + alignedBytes(size), 0);
    const fits =
      message.sizes.every((size) => Number.isSafeInteger(size) && size >= 0) && bytes <= head.slot.capacityBytes;
    if (!fits) return this.#host!.kill(`claims ${bytes} bytes in a slot of ${head.slot.capacityBytes} and was killed`);
    this.#settleHead({ kind: "done", slot: head.slot, sizes: message.sizes, counts: message.counts });
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
    finish(head, outcome);
  }

  /** The first batch has this outcome, the others go back; all go back without one. */
  #settleAll(headOutcome: Outcome | undefined): void {
    const sent = this.#sent;
    this.#sent = [];
    this.#timer?.cancel();
    sent.forEach((each, index) => {
      finish(each, index === 0 && headOutcome ? headOutcome : { kind: "requeue" });
    });
  }

  /** The time limit counts from when the host can begin with the first batch. */
  #arm(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    if (this.#sent.length === 0 && !this.#replaying) return;
    const { clock, timeoutMs } = this.#options;
    this.#timer = clock.after(timeoutMs, () => {
      this.#timedOut = true;
      this.#host?.kill(`did not finish a batch within ${timeoutMs} ms and was killed`);
    });
  }
}

function failureOf({ outgrownBytes }: Sent, { error }: FailedMessage): Outcome {
  if (outgrownBytes !== undefined) return { kind: "outgrown", bytes: outgrownBytes };
  const cause = error.code === "pipeline.batch_too_large" ? "too_large" : "error";
  return { kind: "failed", cause, code: error.code, reason: error.message };
}

function finish(sent: Request, outcome: Outcome): void {
  if (outcome.kind !== "done") sent.slot.release();
  sent.settle(outcome);
}

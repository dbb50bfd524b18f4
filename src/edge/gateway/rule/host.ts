/**
 * One host of rules as the gateway sees it: decisions asked of it are answered in their order. The time of one counts from when it is the
 * first in line; a host that lets it pass is killed. What it had not begun with is given back, to be asked of another one.
 */
import type { Clock, Timer } from "../../../base/clock.ts";
import { Deadlines } from "../../../base/deadlines.ts";
import { Failure, messageOf } from "../../../base/errors.ts";
import { printable } from "../../../base/printable.ts";
import { processUsage } from "../../../process/limits/index.ts";
import { HostChild, type HostExit } from "../../../process/plugin/index.ts";
import { Channel } from "./channel.ts";
import { DECIDED, FAILED, FrameReader, frameOf, HELLO, LOAD, LOADED, PROTOCOL } from "./frames.ts";
import { Lateness } from "./lateness.ts";
import {
  CLOSE_GRACE_MS,
  KILL_GRACE_MS,
  LATE_MS_MAX,
  LOOK_MS,
  MESSAGE_CHARS_MAX,
  PLUGIN_BYTES_MAX,
  START_MS_MAX,
} from "./limits.ts";
import type { Question } from "./question.ts";
import type { LoadAnswer, RuleFault, RuleFile, RulesOptions } from "./words.ts";

export interface HostHandlers {
  /** There is room for another question. */
  answered(host: RuleHost): void;
  /** It is killed because it did not answer this one. */
  late(question: Question): void;
  /** It is gone, and others can be asked these: it had not begun with them, or is not to blame for its end. */
  ended(host: RuleHost, unasked: readonly Question[]): void;
}

const RULE_CODES: ReadonlySet<string> = new Set([
  ...["gateway.rule_failed", "gateway.rule_timeout", "gateway.rule_memory", "gateway.rule_invalid"],
]);

export class RuleHost {
  readonly #clock: Clock;
  readonly #options: RulesOptions;
  readonly #handlers: HostHandlers;
  readonly #child: HostChild;
  readonly #deadlines: Deadlines;
  readonly #reader = new FrameReader((kind, id, body) => this.#frame(kind, id, body));
  readonly #loaded = Promise.withResolvers<readonly RuleFault[]>();
  readonly #files: readonly RuleFile[];
  #channel: Channel | undefined;
  #asked: Question[] = [];
  #nextId = 1;
  #grace: Timer | undefined;
  #isLate = false;
  #isDismissed = false;
  #isKilled = false;
  #isGone = false;

  constructor(files: readonly RuleFile[], options: RulesOptions, handlers: HostHandlers) {
    this.#files = files;
    this.#clock = options.clock;
    this.#options = options;
    this.#handlers = handlers;
    this.#loaded.promise.catch(() => {}); // it may end before anybody waits
    this.#deadlines = new Deadlines(options.clock, (nowMs) => this.#look(nowMs));
    this.#child = new HostChild({
      command: options.command,
      clock: options.clock,
      limits: files.some(({ kind }) => kind === "plugin") ? { memoryBytes: PLUGIN_BYTES_MAX } : {},
      output: (_stream, line) => options.onEvent?.({ kind: "printed", line }),
      ended: (exit) => this.#ended(exit),
    });
  }

  get inFlight(): number {
    return this.#asked.length;
  }

  /** Whether it decides, and goes on to. */
  get isAlive(): boolean {
    return !this.#isGone && !this.#isKilled;
  }

  get pid(): number {
    return this.#child.pid;
  }

  get exited(): Promise<unknown> {
    return this.#child.exited;
  }

  /** Resolves when it can decide, or with why its files cannot. Fails when the process does. */
  async start(): Promise<readonly RuleFault[]> {
    const timer = this.#clock.after(START_MS_MAX, () => this.kill(`did not load its files within ${START_MS_MAX} ms`));
    try {
      const fd = this.#child.controlFd;
      if (fd === undefined) throw new Failure("gateway.rule_load", "the host of rules has no control socket");
      this.#channel = await Channel.open(fd, {
        data: (bytes) => {
          if (!this.#reader.push(bytes)) this.kill("sent a message of a wrong length");
        },
        closed: () => this.#closed(),
      });
      this.#channel.write(frameOf(LOAD, 0, JSON.stringify(this.#files)));
      return await this.#loaded.promise;
    } catch (thrown) {
      this.kill(messageOf(thrown));
      throw thrown;
    } finally {
      timer.cancel();
    }
  }

  ask(question: Question): void {
    const id = this.#nextId;
    this.#nextId = id === 0xffff_ffff ? 1 : id + 1;
    const frame = question.frame(id);
    if (frame === undefined) return; // it has failed by itself
    question.id = id;
    this.#asked.push(question);
    this.#channel?.write(frame);
    if (this.#asked.length === 1) this.#begin(question);
  }

  /** What it says from now on is not heard: it may say anything until it is dead. */
  kill(reason: string): void {
    this.#isKilled = true;
    this.#child.kill(`${reason} and was killed`);
  }

  /** It is not needed any more. */
  dismiss(): void {
    this.#isDismissed = true;
    this.kill("is not needed any more");
  }

  /** The first in line: its time counts from now on. */
  #begin(question: Question): void {
    question.beganMs = this.#clock.monotonic();
    this.#deadlines.note(question.beganMs + question.timeoutMs + KILL_GRACE_MS);
  }

  /** Gives when to look again. Whoever was first when it was noted may be gone: it looks at who is now. */
  #look(nowMs: number): number {
    const first = this.#asked[0];
    if (first === undefined) return Number.POSITIVE_INFINITY;
    const lateMs = nowMs - first.beganMs - first.timeoutMs;
    if (lateMs < KILL_GRACE_MS) return nowMs + KILL_GRACE_MS - lateMs;
    first.lateness ??= new Lateness();
    const isBusy = first.lateness.isBusy(processUsage(this.pid)?.cpuMs);
    if (lateMs < LATE_MS_MAX && !isBusy) return nowMs + LOOK_MS;
    this.#killLate(first);
    return Number.POSITIVE_INFINITY;
  }

  #killLate(question: Question): void {
    this.#isLate = true;
    this.#handlers.late(question);
    this.kill(`did not decide within ${question.timeoutMs} ms`);
  }

  #frame(kind: number, id: number, body: Buffer): void {
    if (!this.isAlive) return;
    if (kind === DECIDED || kind === FAILED) this.#answer(kind, id, body);
    else if (kind === LOADED) this.#loaded.resolve(readFaults(body, this.#files));
    else if (kind !== HELLO || !body.toString().includes(`"protocol":${PROTOCOL}`))
      this.kill(`sent a message of kind ${kind}`);
  }

  #answer(kind: number, id: number, body: Buffer): void {
    const question = this.#asked[0];
    if (question === undefined || question.id !== id) return this.kill("answered what it was not asked");
    this.#asked.shift();
    const next = this.#asked[0];
    if (next !== undefined) this.#begin(next);
    const said = parse(body);
    if (kind === DECIDED && said !== undefined) question.decided(said);
    else question.failed(readFailure(said));
    this.#handlers.answered(this);
  }

  /** Its end is told with a reason in a moment, if it is one. */
  #closed(): void {
    if (!this.#isGone) this.#grace = this.#clock.after(CLOSE_GRACE_MS, () => this.kill("closed its control socket"));
  }

  #ended(exit: HostExit): void {
    const { reason } = exit;
    this.#isGone = true;
    this.#grace?.cancel();
    this.#deadlines.stop();
    this.#loaded.reject(new Failure("gateway.rule_load", `a host of rules ${reason}`));
    this.#channel?.close();
    const asked = this.#asked;
    this.#asked = [];
    if (!this.#mayAskAgain(asked[0], exit)) {
      const code = this.#isLate ? "gateway.rule_timeout" : "gateway.rule_failed";
      asked.shift()?.failed(new Failure(code, `the host of the rule ${reason}`));
    }
    this.#options.onEvent?.({ kind: "ended", pid: this.#child?.pid ?? 0, reason, isExpected: this.#isDismissed });
    this.#handlers.ended(this, asked);
  }

  /** What was killed from outside (an operator, a system without memory) says nothing against the rule; twice in one decision, it may. */
  #mayAskAgain(first: Question | undefined, { limit, signal }: HostExit): boolean {
    if (first === undefined || signal === null || limit !== undefined || this.#isKilled || first.isAskedAgain)
      return false;
    first.isAskedAgain = true;
    first.lateness = undefined; // it is another host's now
    return true;
  }
}

function readFailure(said: unknown): Failure {
  const { code, message } = (said ?? {}) as { readonly code?: unknown; readonly message?: unknown }; // looked at here
  const text = typeof message === "string" ? printable(message.slice(0, MESSAGE_CHARS_MAX)) : "it does not say why";
  return new Failure(
    typeof code === "string" && RULE_CODES.has(code) ? code : "gateway.rule_failed",
    `the rule failed: ${text}`,
  );
}

/** A host that does not say it well has faults. */
function readFaults(body: Buffer, files: readonly RuleFile[]): readonly RuleFault[] {
  const said = parse(body) as Partial<LoadAnswer> | null | undefined; // looked at here
  if (!Array.isArray(said?.faults))
    return [{ path: files[0]?.path ?? "", message: "its host did not say whether it loaded" }];
  return said.faults.map(({ line, message, path }: Partial<RuleFault>) => ({
    path: String(path),
    ...(typeof line === "number" && { line }),
    message: printable(String(message).slice(0, MESSAGE_CHARS_MAX)),
  }));
}

function parse(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString());
  } catch {
    return undefined;
  }
}

/** One decision that is waited for. */
import { Failure } from "../../../base/errors.ts";
import type { RuleDecision, RuleRequest } from "../words/index.ts";
import type { Lateness } from "./lateness.ts";
import { REQUEST_BYTES_MAX } from "./limits.ts";
import { readDecision } from "./read-decision.ts";
import { requestFrame } from "./request-frame.ts";

export class Question {
  readonly promise: Promise<RuleDecision>;
  readonly timeoutMs: number;
  /** Of the host that it was asked of. */
  id = 0;
  beganMs = 0;
  /** What is known of its host since it is late. */
  lateness: Lateness | undefined;
  /** When it began to wait for a host. */
  sinceMs = 0;
  moves = 0;
  /** A host was killed from outside while it decided this. */
  isAskedAgain = false;
  /** Among the files of its hosts. */
  file: number;
  readonly #request: RuleRequest;
  readonly #targets: ReadonlySet<string>;
  readonly #settle: PromiseWithResolvers<RuleDecision>;

  constructor(file: number, request: RuleRequest, timeoutMs: number, targets: ReadonlySet<string>) {
    this.file = file;
    this.#request = request;
    this.#targets = targets;
    this.timeoutMs = timeoutMs;
    this.#settle = Promise.withResolvers();
    this.promise = this.#settle.promise;
  }

  /** Undefined: it is too large, and has failed. */
  frame(id: number): Buffer | undefined {
    const frame = requestFrame(id, this.file, this.timeoutMs, this.#request);
    if (frame !== undefined) return frame;
    const says = `the request is too large to be decided by a rule; at most ${REQUEST_BYTES_MAX} bytes are allowed`;
    this.failed(new Failure("gateway.rule_invalid", says));
    return undefined;
  }

  decided(said: unknown): void {
    try {
      this.#settle.resolve(readDecision(said, this.#targets));
    } catch (thrown) {
      this.#settle.reject(thrown);
    }
  }

  failed(failure: Failure): void {
    this.#settle.reject(failure);
  }
}

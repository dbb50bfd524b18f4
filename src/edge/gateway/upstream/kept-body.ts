/**
 * A request's body that can be sent more than once: what has come so far is kept up to a bound, and each try gets it from the
 * beginning. Past the bound it flows through once, and there is no further try. The source is never hurried: it waits while
 * the try that takes it does, and between tries.
 */
import { assert, Failure } from "../../../base/errors.ts";
import type { BodySink, BodySource, HeaderList } from "../../../wire/http/index.ts";
import { KEPT_PIECES_MAX } from "./limits.ts";

/** `undefined`: it was too long, or broke. */
export type WholeListener = (chunks: readonly Uint8Array[] | undefined, trailers: HeaderList | undefined) => void;

export class KeptBody implements BodySink {
  onReady: (() => void) | undefined;
  onCancel: ((cause: Failure) => void) | undefined;
  readonly length: number | undefined;
  readonly #source: BodySource;
  readonly #bytesMax: number;
  #chunks: Uint8Array[] = [];
  #bytes = 0;
  #isKept: boolean;
  #isStarted = false;
  #isSettled = false;
  #owesReady = false;
  #ended: { readonly trailers: HeaderList | undefined } | undefined;
  #aborted: Failure | undefined;
  #cancelled: Failure | undefined;
  /** The try that gets what comes. */
  #run: KeptRun | undefined;
  #whole: WholeListener | undefined;

  constructor(source: BodySource, bytesMax: number) {
    this.#source = source;
    this.length = source.length;
    this.#bytesMax = bytesMax;
    this.#isKept = source.length === undefined || source.length <= bytesMax;
  }

  /** Another try would get all of it. */
  get canRepeat(): boolean {
    return !this.#isStarted || (this.#isKept && this.#aborted === undefined);
  }

  /** All of it is here: several tries can have it at the same time. */
  get isWhole(): boolean {
    return this.#isKept && this.#ended !== undefined;
  }

  /** For one try. */
  open(): BodySource {
    return new KeptRun(this);
  }

  /** No further try will come: nothing more is kept, and who does not want the rest says so to the client. */
  settle(): void {
    if (this.#isSettled) return;
    this.#isSettled = true;
    if (this.#cancelled !== undefined) this.#cancelSource(this.#cancelled);
    else if (!this.#isStarted) this.#tellWhole(); // the answer came without it
  }

  /** All of it has been sent, and will not be again. */
  forget(): void {
    this.#isKept = false;
    this.#chunks = [];
  }

  /** Like `settle`, and whoever waits for all of it waits no more. */
  giveUp(): void {
    this.settle();
    this.#tellWhole();
  }

  /** Called once with all of it. It is kept until then, whatever becomes of the tries. */
  whenWhole(listener: WholeListener): void {
    this.#whole = listener;
    if (!this.#isKept || this.#aborted !== undefined) this.#tellWhole();
  }

  write(chunk: Uint8Array): boolean {
    this.#keep(chunk);
    const takesMore = this.#run?.push(chunk) ?? false;
    this.#owesReady = !takesMore;
    return takesMore;
  }

  end(trailers?: HeaderList): void {
    this.#ended = { trailers };
    this.#tellWhole();
    this.#run?.finish();
  }

  abort(cause: Failure): void {
    this.#aborted = cause;
    this.#tellWhole();
    this.#run?.finish();
  }

  // What the tries call.

  chunk(at: number): Uint8Array | undefined {
    return this.#chunks[at];
  }

  get isKept(): boolean {
    return this.#isKept;
  }

  get kept(): number {
    return this.#chunks.length;
  }

  get outcome(): { readonly trailers: HeaderList | undefined } | Failure | undefined {
    return this.#aborted ?? this.#ended;
  }

  /** A try takes what comes from now on. */
  attach(run: KeptRun): void {
    assert(this.canRepeat, "a body that was not kept is sent once");
    this.#cancelled = undefined;
    if (!this.isWhole) this.#run = run;
    if (this.#isStarted) return;
    this.#isStarted = true;
    this.#source.start(this);
  }

  ready(run: KeptRun): void {
    if (run !== this.#run || !this.#owesReady) return;
    this.#owesReady = false;
    this.onReady?.();
  }

  /** The try takes no more of it. */
  detach(run: KeptRun, cause: Failure): void {
    if (run !== this.#run) return;
    this.#run = undefined;
    this.#cancelled = cause;
    if (this.#isSettled) this.#cancelSource(cause);
  }

  #keep(chunk: Uint8Array): void {
    if (!this.#isKept) return;
    this.#bytes += chunk.byteLength;
    const isWanted = !this.#isSettled || this.#whole !== undefined;
    if (this.#bytes <= this.#bytesMax && this.#chunks.length < KEPT_PIECES_MAX && isWanted) {
      this.#chunks.push(chunk);
      return;
    }
    this.#isKept = false;
    this.#run?.caughtUp();
    this.#chunks = [];
    this.#tellWhole();
  }

  #cancelSource(cause: Failure): void {
    if (this.outcome !== undefined) return;
    this.#aborted = cause;
    this.#tellWhole();
    if (this.#isStarted) this.onCancel?.(cause);
    else this.#source.cancel(cause);
  }

  #tellWhole(): void {
    const whole = this.#whole;
    this.#whole = undefined;
    whole?.(this.isWhole ? this.#chunks : undefined, this.#ended?.trailers);
  }
}

/** The body for one try: what is kept first, then what comes. */
class KeptRun implements BodySource {
  readonly #body: KeptBody;
  #sink: BodySink | undefined;
  /** Of what is kept, what the sink has got. */
  #at = 0;
  #isFull = false;
  #isLive = false;

  constructor(body: KeptBody) {
    this.#body = body;
  }

  get length(): number | undefined {
    return this.#body.length;
  }

  start(sink: BodySink): void {
    this.#sink = sink;
    this.#isLive = !this.#body.isKept;
    sink.onReady = () => this.#flow();
    sink.onCancel = (cause) => this.cancel(cause);
    this.#body.attach(this);
    this.#flow();
  }

  cancel(cause: Failure): void {
    this.#sink = undefined;
    this.#body.detach(this, cause);
  }

  /** A chunk that has just come; also when it was kept. */
  push(chunk: Uint8Array): boolean {
    if (!this.#isLive) return this.#catchUp();
    this.#isFull = this.#sink?.write(chunk) === false;
    return !this.#isFull;
  }

  /** What was kept is given up: only a try that has got all of it goes on. */
  caughtUp(): void {
    this.#catchUp(true);
    this.#isLive = true;
  }

  finish(): void {
    if (!this.#isFull) this.#flow();
  }

  #flow(): void {
    this.#isFull = false;
    if (!this.#catchUp()) return;
    const outcome = this.#body.outcome;
    if (outcome === undefined) return this.#body.ready(this);
    const sink = this.#sink;
    this.#sink = undefined;
    if (outcome instanceof Failure) sink?.abort(outcome);
    else sink?.end(outcome.trailers);
  }

  /** True: the sink has got all that is there, and takes more. */
  #catchUp(isForced = false): boolean {
    while (this.#at < this.#body.kept && (!this.#isFull || isForced) && this.#sink !== undefined) {
      this.#isFull = !this.#sink.write(this.#body.chunk(this.#at++)!);
    }
    return !this.#isFull && this.#sink !== undefined;
  }
}

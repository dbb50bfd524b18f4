/**
 * Everybody who watches. Each watcher gets the snapshot first and every change after it, in order and once. What a slow one
 * has not taken waits in a queue of bounded size; one that lets it fill is dropped and told, for the others and our
 * memory must not wait for it. Texts are server-sent events; what they say is not its business.
 */
import type { Clock, Timer } from "../../base/clock.ts";
import { Failure } from "../../base/errors.ts";
import { KEEP_ALIVE_MS, WATCHER_BYTES_MAX, WATCHERS_MAX } from "./limits.ts";

export interface WatchHubOptions {
  readonly clock: Clock;
  /** The last words for a watcher that does not keep up. */
  readonly tooSlow: string;
  readonly watchersMax?: number;
  readonly bytesMax?: number;
}

const KEEP_ALIVE = Buffer.from(": keep-alive\n\n");

export class WatchHub {
  readonly #options: WatchHubOptions;
  readonly #watchers = new Set<Watcher>();
  #timer: Timer | undefined;
  #dropped = 0;

  constructor(options: WatchHubOptions) {
    this.#options = options;
  }

  get size(): number {
    return this.#watchers.size;
  }

  /** Watchers that did not keep up, so far. */
  get dropped(): number {
    return this.#dropped;
  }

  /** `whenDropped` is to see to it that the connection does not stay for a reader that never reads. */
  open(snapshot: string, whenDropped: () => void): ReadableStream<Uint8Array> {
    const { watchersMax = WATCHERS_MAX, bytesMax = WATCHER_BYTES_MAX, tooSlow } = this.#options;
    if (this.#watchers.size >= watchersMax) {
      const message = `${watchersMax} watchers are connected, no more are taken`;
      throw new Failure("pmd.too_many_watchers", message, { retryable: true });
    }
    const watcher = new Watcher(snapshot, bytesMax, () => {
      this.#watchers.delete(watcher);
      if (this.#watchers.size === 0) this.#timer?.cancel();
    });
    watcher.onOverflow = () => {
      this.#dropped++;
      watcher.end(tooSlow, true);
      whenDropped();
    };
    this.#watchers.add(watcher);
    if (this.#watchers.size === 1) this.#keepAlive();
    return watcher.stream;
  }

  publish(text: string): void {
    if (this.#watchers.size === 0) return;
    const bytes = Buffer.from(text);
    for (const watcher of this.#watchers) watcher.push(bytes);
  }

  /** What waits is still sent, then these words; nothing follows them. */
  end(words: string): void {
    for (const watcher of this.#watchers) watcher.end(words, false);
  }

  #keepAlive(): void {
    this.#timer?.cancel();
    this.#timer = this.#options.clock.after(KEEP_ALIVE_MS, () => {
      for (const watcher of this.#watchers) if (watcher.isDrained) watcher.push(KEEP_ALIVE);
      if (this.#watchers.size > 0) this.#keepAlive();
    });
  }
}

class Watcher {
  readonly stream: ReadableStream<Uint8Array>;
  onOverflow = (): void => {};
  readonly #bytesMax: number;
  readonly #gone: () => void;
  /** Goes first and does not count: its size is bounded by the registry's. */
  #snapshot: Uint8Array | undefined;
  #queue: Uint8Array[] = [];
  #bytes = 0;
  #isEnded = false;
  #isCancelled = false;
  #wake = (): void => {};

  constructor(snapshot: string, bytesMax: number, gone: () => void) {
    this.#bytesMax = bytesMax;
    this.#gone = gone;
    this.#snapshot = Buffer.from(snapshot);
    // Nothing is handed over before it is asked for: what the reader has not taken is counted here.
    this.stream = new ReadableStream<Uint8Array>(
      { pull: (controller) => this.#pull(controller), cancel: () => this.#cancel() },
      { highWaterMark: 0 },
    );
  }

  get isDrained(): boolean {
    return this.#snapshot === undefined && this.#queue.length === 0;
  }

  push(bytes: Uint8Array): void {
    if (this.#isEnded) return;
    if (this.#bytes + bytes.length > this.#bytesMax) return this.onOverflow();
    this.#add(bytes);
  }

  end(words: string, isDropped: boolean): void {
    if (this.#isEnded) return;
    this.#isEnded = true;
    if (isDropped) this.#clear();
    this.#add(Buffer.from(words));
  }

  #add(bytes: Uint8Array): void {
    this.#queue.push(bytes);
    this.#bytes += bytes.length;
    this.#wake();
  }

  async #pull(controller: ReadableStreamDefaultController<Uint8Array>): Promise<void> {
    if (this.isDrained && !this.#isEnded) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    if (this.#isCancelled) return;
    const next = this.#take();
    if (next !== undefined) controller.enqueue(next);
    if (this.#isEnded && this.isDrained) {
      controller.close();
      this.#gone();
    }
  }

  #take(): Uint8Array | undefined {
    const snapshot = this.#snapshot;
    this.#snapshot = undefined;
    if (snapshot !== undefined) return snapshot;
    const next = this.#queue.shift();
    this.#bytes -= next?.length ?? 0;
    return next;
  }

  #clear(): void {
    this.#snapshot = undefined;
    this.#queue = [];
    this.#bytes = 0;
  }

  #cancel(): void {
    this.#isCancelled = true;
    this.#isEnded = true;
    this.#clear();
    this.#wake();
    this.#gone();
  }
}

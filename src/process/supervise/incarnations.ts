/** The children that run for a Supervision at this moment, since when they serve, and how they ended last. */
import type { Clock } from "../../base/clock.ts";
import type { ExitReason } from "../../protocol/supervision/index.ts";
import type { LastExit } from "./tree-node.ts";

/** One incarnation of a child, being started or running. */
export interface RunningChild {
  /** Resolves when the child serves; may never, when it exits before. */
  readonly started: Promise<void>;
  /** Resolves once, when nothing of it runs any more. Never rejects. */
  readonly exited: Promise<ExitReason>;
  terminate(how: "shutdown" | "kill"): void;
}

interface Incarnation {
  readonly number: number;
  readonly child: RunningChild;
  servesSinceMs: number | undefined;
}

export class Incarnations {
  readonly #clock: Clock;
  readonly #running = new Map<string, Incarnation>();
  readonly #lastExits = new Map<string, LastExit>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  child(id: string): RunningChild | undefined {
    return this.#running.get(id)?.child;
  }

  lastExit(id: string): LastExit | undefined {
    return this.#lastExits.get(id);
  }

  facts(id: string): { readonly uptimeMs: number | undefined; readonly lastExit: LastExit | undefined } {
    const sinceMs = this.#running.get(id)?.servesSinceMs;
    const uptimeMs = sinceMs === undefined ? undefined : this.#clock.monotonic() - sinceMs;
    return { uptimeMs, lastExit: this.#lastExits.get(id) };
  }

  begin(id: string, number: number, child: RunningChild): void {
    this.#running.set(id, { number, child, servesSinceMs: undefined });
  }

  started(id: string, number: number): void {
    const incarnation = this.#running.get(id);
    if (incarnation?.number === number) incarnation.servesSinceMs = this.#clock.monotonic();
  }

  /** The next incarnation begins only after this. */
  exited(id: string, reason: ExitReason): void {
    this.#running.delete(id);
    const { exitCode = null, signal = null, detail } = reason;
    this.#lastExits.set(id, { code: exitCode, signal, reason: detail, atMs: this.#clock.now() });
  }

  /** A child that was deleted: nothing of it is kept, so that children may come and go without end. */
  forget(id: string): void {
    if (!this.#running.has(id)) this.#lastExits.delete(id);
  }
}

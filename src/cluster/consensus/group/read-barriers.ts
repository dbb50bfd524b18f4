/**
 * Reads that must not miss what was acknowledged before they began. Those that come in one turn share one question to the group;
 * each is let through when this node has applied what the answer names.
 */
import type { Failure } from "../../../base/errors.ts";
import type { ReadMode } from "../../../protocol/raft/index.ts";

interface Batch {
  readonly done: Promise<number>;
  readonly resolve: (index: number) => void;
  readonly reject: (failure: Failure) => void;
}

export interface ReadBarriersPorts {
  /** Asks, and gives the number of the question. */
  readonly ask: (mode: ReadMode, asked: (id: number) => void) => void;
  readonly defer: (callback: () => void) => void;
}

export class ReadBarriers {
  readonly #ports: ReadBarriersPorts;
  readonly #asked = new Map<number, Batch>();
  readonly #collecting = new Map<ReadMode, Batch>();

  constructor(ports: ReadBarriersPorts) {
    this.#ports = ports;
  }

  /** The index that a state machine must have applied. */
  index(mode: ReadMode): Promise<number> {
    const collecting = this.#collecting.get(mode);
    if (collecting) return collecting.done;
    const { promise: done, ...how } = Promise.withResolvers<number>();
    const batch = { done, ...how };
    this.#collecting.set(mode, batch);
    this.#ports.defer(() => {
      this.#collecting.delete(mode);
      this.#ports.ask(mode, (id) => this.#asked.set(id, batch));
    });
    return done;
  }

  ready(id: number, index: number): void {
    this.#asked.get(id)?.resolve(index);
    this.#asked.delete(id);
  }

  refused(id: number, failure: Failure): void {
    this.#asked.get(id)?.reject(failure);
    this.#asked.delete(id);
  }

  giveUp(failure: Failure): void {
    for (const batch of [...this.#asked.values(), ...this.#collecting.values()]) batch.reject(failure);
    this.#asked.clear();
  }
}

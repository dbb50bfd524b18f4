/** A whole number that counts exactly: an addition that is sent twice counts once. */
import type { CallOptions } from "../../wire/rpc/index.ts";
import type { Calls } from "./calls.ts";
import type { ReadOptions } from "./map-options.ts";

export class Counter {
  readonly name: string;
  readonly group: string;
  readonly #calls: Pick<Calls, "counter">;

  constructor(name: string, group: string, calls: Pick<Calls, "counter">) {
    this.name = name;
    this.group = group;
    this.#calls = calls;
  }

  /** Gives the sum. */
  async add(by = 1, options?: CallOptions): Promise<number> {
    return (await this.#calls.counter.add({ group: this.group, counter: this.name, by }, options)).value;
  }

  async set(to: number, options?: CallOptions): Promise<number> {
    return (await this.#calls.counter.set({ group: this.group, counter: this.name, to }, options)).value;
  }

  async get({ consistency, ...call }: ReadOptions = {}): Promise<number> {
    return (await this.#calls.counter.get({ group: this.group, counter: this.name, consistency }, call)).value;
  }
}

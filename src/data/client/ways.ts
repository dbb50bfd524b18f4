/** The nodes that a client may ask. It keeps to one that answers, and goes on to the next one when it does not. */
import { Failure } from "../../base/errors.ts";
import type { Transport } from "../../wire/rpc/index.ts";

/** One node that can be asked. */
export interface Way {
  /** Unique; for messages. */
  readonly name: string;
  /** Its id or `host:port`, as the status of a group names members; without it nobody knows whether it leads. */
  readonly node?: string | undefined;
  readonly transport: Transport;
}

export class Ways {
  readonly #list: () => readonly Way[];
  #chosen: string | undefined;

  constructor(list: () => readonly Way[]) {
    this.#list = list;
  }

  get count(): number {
    return this.#list().length;
  }

  /** Whoever answered last, or was preferred. Fails with `data.no_node` when nobody is known. */
  choose(): Way {
    const list = this.#list();
    const way = list.find(({ name }) => name === this.#chosen) ?? list[0];
    if (way) return way;
    throw new Failure("data.no_node", "no node is known that keeps data; at least one is required", {
      retryable: true,
    });
  }

  /** Another one from now on, unless somebody has chosen another one already. */
  passOver({ name }: Way): void {
    const list = this.#list();
    const at = list.findIndex((way) => way.name === name);
    if (at < 0 || (this.#chosen ?? list[0]?.name) !== name) return;
    this.#chosen = list[(at + 1) % list.length]!.name;
  }

  /** Whoever fits, from now on; nothing changes when nobody does. */
  prefer(fits: (way: Way) => boolean): void {
    this.#chosen = this.#list().find(fits)?.name ?? this.#chosen;
  }
}

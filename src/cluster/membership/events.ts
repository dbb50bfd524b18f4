/** What listeners hear, and who they are. A listener that throws is reported and harms nobody. */
import { assert, messageOf } from "../../base/errors.ts";
import type { Address, MemberEvent, Peer } from "../../protocol/swim/index.ts";
import { LISTENERS_MAX } from "./limits.ts";

export type MembershipEvent =
  /** About another member. */
  | MemberEvent
  /** This node's side of a partition: it is to stop what needs the cluster, or may go on. `down` are members given up. */
  | {
      readonly kind: "down" | "up";
      readonly down: readonly string[];
      readonly reason: string;
      readonly atMs: number;
    }
  /** The first member has answered. */
  | { readonly kind: "joined"; readonly through: Address; readonly atMs: number }
  /** A newer process runs under this node's id; this one has fallen silent for good. */
  | { readonly kind: "yielded"; readonly to: Peer; readonly atMs: number };

export class Listeners {
  readonly #listeners = new Set<(event: MembershipEvent) => void>();
  readonly #warn: (message: string) => void;

  constructor(warn: (message: string) => void) {
    this.#warn = warn;
  }

  /** The function given back ends it. */
  add(listener: (event: MembershipEvent) => void): () => void {
    assert(this.#listeners.size < LISTENERS_MAX, `more than ${LISTENERS_MAX} listen to the membership`);
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  tell(event: MembershipEvent): void {
    for (const listener of [...this.#listeners]) {
      try {
        listener(event);
      } catch (thrown) {
        this.#warn(`a listener failed at a ${event.kind} of the membership: ${messageOf(thrown)}`);
      }
    }
  }
}

/** What membership needs of the world. Nothing here waits for anything but the push-pull. */
import type { Clock } from "../../base/clock.ts";
import type { Random } from "../../base/random.ts";
import type { Address } from "../../protocol/swim/index.ts";

/** Fire and forget, on the UDP port of the node's number. */
export interface DatagramPort {
  send(to: Address, bytes: Uint8Array): void;
  onReceive(handler: (from: Address, bytes: Uint8Array) => void): void;
}

/** Push-pull over a link: resolves with the answer of the other's `answerSync`, rejects when there is none in time. */
export interface SyncPort {
  sync(to: Address, bytes: Uint8Array): Promise<Uint8Array>;
}

/** Seals datagrams under the cluster's key, each for one receiver. `open` does not throw. */
export interface Seal {
  seal(bytes: Uint8Array, to: Address): Uint8Array;
  open(
    bytes: Uint8Array,
    own: Address,
  ): { readonly ok: true; readonly bytes: Uint8Array } | { readonly ok: false; readonly reason: string };
}

/** The addresses of a host name; those of an address are itself. Rejects when there are none. */
export type Resolve = (host: string) => Promise<readonly string[]>;

export interface MembershipPorts {
  readonly datagrams: DatagramPort;
  readonly syncs: SyncPort;
  readonly seal: Seal;
  readonly resolve: Resolve;
  readonly clock: Clock;
  readonly random: Random;
  /** Hears in words of what is odd and does not stop anything. */
  readonly warn: (message: string, data?: Readonly<Record<string, unknown>>) => void;
  /** A defect: the membership has stopped in the middle of something. */
  readonly failed: (thrown: unknown) => void;
}

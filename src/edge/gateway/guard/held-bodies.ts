/**
 * What bodies hold that are gathered to be looked into: bounded, for all of them together, and for those of one client to a share of it. Who
 * sends many bodies slowly keeps nobody else from being looked at: beyond its share only its own are refused. The last of what there is goes to
 * short ones only.
 */
import { CLIENT_PARTS, openTo, Shares, sharerOf } from "./shares.ts";

/** Of all bodies together, in one process. */
const HELD_BYTES_MAX = 128 * 1024 * 1024;
/** So many of the largest fit in a share in any case: one that is coded, and what comes out of it. */
const INSPECTED_COPIES = 2;
/** One that is coded, and a text that is looked into as a whole, with what becomes of it, two bytes for each character of both. */
const MASKED_COPIES = 5;

/** What all that are inspected may hold together where one may have so many bytes. */
export function heldBytesFor(bodyBytesMax: number): number {
  return Math.max(HELD_BYTES_MAX, CLIENT_PARTS * INSPECTED_COPIES * bodyBytesMax);
}

/** The same for those that are masked. */
export function maskedBytesFor(bodyBytesMax: number): number {
  return Math.max(HELD_BYTES_MAX, CLIENT_PARTS * MASKED_COPIES * bodyBytesMax);
}

export class HeldBodies {
  #bytesMax: number;
  readonly #shares = new Shares();

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  get bytes(): number {
    return this.#shares.taken;
  }

  /** Clients, and their sites, that hold something. */
  get clients(): number {
    return this.#shares.sharers;
  }

  /** Another file, another largest body. */
  allow(bytesMax: number): void {
    this.#bytesMax = bytesMax;
  }

  /** For one body of the client with this address. */
  holder(client: string): HeldBytes {
    const sharer = sharerOf(client);
    return new HeldBytes((more, bytes) => {
      const all = this.#bytesMax;
      if (more > 0 && !this.#shares.hasRoom(sharer, more, all, openTo(bytes, all))) return false;
      this.#shares.add(sharer, more);
      return true;
    });
  }
}

/** So many bytes more for a body that has so many then; false: there is no room. */
type Take = (more: number, bytes: number) => boolean;

/** What one body holds of what all may hold together. */
export class HeldBytes {
  readonly #take: Take;
  #bytes = 0;
  #pins = 0;
  #isFree = false;

  constructor(take: Take) {
    this.#take = take;
  }

  /** So much from now on; false: that is too much, and it is as it was. Less is never too much. */
  to(bytes: number): boolean {
    if (this.#isFree || !this.#take(bytes - this.#bytes, bytes)) return false;
    this.#bytes = bytes;
    return true;
  }

  /** For good: what comes late is not held. What is pinned counts until it is released. */
  free(): void {
    this.#isFree = true;
    if (this.#pins === 0) this.#giveBack();
  }

  /** Somebody works on these bytes who cannot be stopped: gives back what says, once, that it is over. */
  pin(): () => void {
    this.#pins++;
    return () => {
      if (--this.#pins === 0 && this.#isFree) this.#giveBack();
    };
  }

  #giveBack(): void {
    this.#take(-this.#bytes, 0);
    this.#bytes = 0;
  }
}

/**
 * What each client has of something that all share: a quarter at most, and never more than half of what others leave, so that who comes late
 * finds room too, however many came before. An IPv6 network is one client; the networks of one site together may have half.
 */
import { addressKey } from "../../../base/ip-address.ts";

/** Of the whole, for one client. */
export const CLIENT_PARTS = 4;
/** Of the whole, for one site. */
const SITE_PARTS = 2;
/** Of what others leave. */
const LEFT_PARTS = 2;
/** Whoever has an IPv6 address has a network of this size. */
const CLIENT_PREFIX = 64;
/** Who rents or runs a machine may have a network of this size, and chooses from all that are in it. */
const SITE_PREFIX = 48;

/** A client as it is counted. */
export interface Sharer {
  readonly client: string;
  /** Undefined: it is in none. */
  readonly site: string | undefined;
}

export function sharerOf(address: string): Sharer {
  const client = addressKey(address, CLIENT_PREFIX);
  const site = addressKey(address, SITE_PREFIX);
  return { client, site: site === client ? undefined : site };
}

export class Shares {
  #taken = 0;
  readonly #of = new Map<string, number>();

  /** By all. */
  get taken(): number {
    return this.#taken;
  }

  /** Clients that have something, and their sites. */
  get sharers(): number {
    return this.#of.size;
  }

  takenBy({ client }: Sharer): number {
    return this.#of.get(client) ?? 0;
  }

  /** Whether it may have so much more of all that there is, of which only so much is open to it. */
  hasRoom({ client, site }: Sharer, more: number, all: number, open = all): boolean {
    if (this.#taken + more > open || !this.#isWithin(client, more, all / CLIENT_PARTS, open)) return false;
    return site === undefined || this.#isWithin(site, more, all / SITE_PARTS, open);
  }

  #isWithin(key: string, more: number, share: number, open: number): boolean {
    const own = this.#of.get(key) ?? 0;
    const left = open - (this.#taken - own);
    return own + more <= Math.ceil(Math.min(share, left / LEFT_PARTS));
  }

  /** Less than nothing: it gives back. */
  add({ client, site }: Sharer, more: number): void {
    this.#taken += more;
    this.#addTo(client, more);
    if (site !== undefined) this.#addTo(site, more);
  }

  #addTo(key: string, more: number): void {
    const own = (this.#of.get(key) ?? 0) + more;
    if (own === 0) this.#of.delete(key);
    else this.#of.set(key, own);
  }
}

/** Most bodies that are looked into are no longer. */
export const SHORT_BYTES = 64 * 1024;
/** Of the whole, so much is left for short ones. */
const RESERVE_PARTS = 8;

/** What all may have where one body of so many bytes is to get some of it. */
export function openTo(bodyBytes: number, all: number): number {
  return bodyBytes > SHORT_BYTES ? all - Math.floor(all / RESERVE_PARTS) : all;
}

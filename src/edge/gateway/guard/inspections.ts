/**
 * Requests that take long to be looked into, a slice of each in turn, so that all others are served in between. What is short is done within its
 * first slice and never comes here. Bounded in number and bytes, in all and for each client: beyond, a request is refused, because what has
 * not been looked into does not go on.
 */
import type { Clock } from "../../../base/clock.ts";
import { Turn } from "../../waf/engine/index.ts";
import { HeldBodies, type HeldBytes, heldBytesFor } from "./held-bodies.ts";
import { Inflations } from "./inflations.ts";
import { RoundRobin } from "./round-robin.ts";
import { openTo, Shares, sharerOf } from "./shares.ts";

/** What a request may take before others run: usual ones of 8 KB take half a millisecond. */
const SLICE_MS = 4;
/** Of a request that comes while others wait for their turns: many may come in one turn of the loop. */
const SHORT_SLICE_MS = 1;
/** At 40 ms each, the dearest that is usual, the last one waits 10 seconds; who waits longer has gone. */
export const WAITING_MAX = 256;
/** Of their bodies; what is made of them takes some times as much. One that waits alone may be larger. */
export const WAITING_BYTES_MAX = 64 * 2 ** 20;

export interface Inspection {
  /** Whose it is: the address. */
  readonly client: string;
  /** That it holds while it waits. */
  readonly bytes: number;
  /** True: it has come to its end. */
  goOn(turn: Turn): boolean;
}

export interface InspectionBounds {
  readonly sliceMs: number;
  readonly shortSliceMs: number;
  readonly waitingMax: number;
  readonly bytesMax: number;
  /** Of bodies that are gathered. */
  readonly heldBytesMax: number;
}

const BOUNDS: InspectionBounds = {
  sliceMs: SLICE_MS,
  shortSliceMs: SHORT_SLICE_MS,
  waitingMax: WAITING_MAX,
  bytesMax: WAITING_BYTES_MAX,
  heldBytesMax: heldBytesFor(0),
};

export class Inspections {
  readonly #bounds: InspectionBounds;
  readonly #turns: RoundRobin<Inspection>;
  readonly #places = new Shares();
  readonly #bytes = new Shares();
  readonly #held: HeldBodies;
  /** Of bodies that came coded. */
  readonly inflations = new Inflations();
  readonly #first: Turn;

  constructor(clock: Clock, bounds: Partial<InspectionBounds> = {}) {
    this.#bounds = { ...BOUNDS, ...bounds };
    this.#held = new HeldBodies(this.#bounds.heldBytesMax);
    this.#first = new Turn(() => clock.monotonic());
    this.#turns = new RoundRobin(clock, this.#bounds.sliceMs, (inspection, turn) => this.#goOn(inspection, turn));
  }

  get waiting(): number {
    return this.#turns.waiting;
  }

  /** Of all that wait. */
  get bytes(): number {
    return this.#bytes.taken;
  }

  /** For work that begins now. */
  firstTurn(): Turn {
    this.#first.begin(this.#turns.waiting === 0 ? this.#bounds.sliceMs : this.#bounds.shortSliceMs);
    return this.#first;
  }

  /** Of bodies that are gathered, whether or not they wait. */
  get heldBytes(): number {
    return this.#held.bytes;
  }

  /** Another file, another largest body. */
  allow(heldBytesMax: number): void {
    this.#held.allow(heldBytesMax);
  }

  /** For a body of the client with this address that is gathered to be looked into. */
  holder(client: string): HeldBytes {
    return this.#held.holder(client);
  }

  /** It goes on when its turn comes. False: there is no room, for anybody or for this client. */
  wait(inspection: Inspection): boolean {
    if (!this.#hasRoom(inspection)) return false;
    this.#count(inspection, 1);
    this.#turns.add(inspection);
    return true;
  }

  /** One of all, and one of each client, has room in any case. */
  #hasRoom({ bytes, client }: Inspection): boolean {
    const { bytesMax, waitingMax } = this.#bounds;
    if (this.#turns.waiting === 0) return true;
    const sharer = sharerOf(client);
    const open = openTo(bytes, bytesMax);
    if (!this.#places.hasRoom(sharer, 1, waitingMax) || this.#bytes.taken + bytes > open) return false;
    return this.#places.takenBy(sharer) === 0 || this.#bytes.hasRoom(sharer, bytes, bytesMax, open);
  }

  #count({ bytes, client }: Inspection, sign: 1 | -1): void {
    const sharer = sharerOf(client);
    this.#places.add(sharer, sign);
    this.#bytes.add(sharer, sign * bytes);
  }

  /** Nobody wants to know any more. */
  drop(inspection: Inspection): void {
    if (this.#turns.remove(inspection)) this.#count(inspection, -1);
  }

  /** It does not count meanwhile: whoever comes next on its way finds the place that it had. */
  #goOn(inspection: Inspection, turn: Turn): boolean {
    this.#count(inspection, -1);
    if (inspection.goOn(turn)) return true;
    this.#count(inspection, 1);
    return false;
  }
}

/**
 * What is too large to go in one message: a stage's state, dead letters, a batch between machines. A message carries a little of
 * it, and names the rest as parts that go in pieces of their own: the master puts them at the worker before it asks, and
 * fetches them from him after he has answered. One mechanism for all of them, also within a machine, where links are fast.
 */
import { Failure } from "../../../base/errors.ts";

/** Of parts in one message: far below what a link takes, so that a full window of batches is not too much for it either. */
export const INLINE_BYTES_MAX = 2 * 2 ** 20;
/** One round trip each: enough of them in a second, and reports pass between two. */
export const PIECE_BYTES_MAX = 4 * 2 ** 20;
/** One array; whoever has more in one state has other troubles. */
export const PART_BYTES_MAX = 2 ** 31;

/** A part that comes, or is to be had, in pieces. */
export interface PartName {
  readonly part: number;
  readonly bytes: number;
}

export type Part = Uint8Array | PartName;

/** The parts of one message, as they go into it. */
export class Parting {
  /** What did not fit, by its number. */
  readonly apart: Uint8Array[] = [];
  #inlineBytes = 0;

  /** Fails with `work.too_large`. */
  add(bytes: Uint8Array): Part {
    if (this.#inlineBytes + bytes.length <= INLINE_BYTES_MAX) {
      this.#inlineBytes += bytes.length;
      return bytes;
    }
    if (bytes.length > PART_BYTES_MAX) throw tooLarge(bytes.length);
    return { part: this.apart.push(bytes) - 1, bytes: bytes.length };
  }
}

/** The piece that begins there. Fails with `work.parts_lost` where nothing does. */
export function pieceAt(bytes: Uint8Array | undefined, offset: number): Uint8Array {
  if (bytes && offset < bytes.length) return bytes.subarray(offset, offset + PIECE_BYTES_MAX);
  throw lost(`nothing begins at ${offset} of ${bytes ? `its ${bytes.length} bytes` : "it: it is not here any more"}`);
}

/** Sends a part, piece by piece. */
export async function putPieces(
  bytes: Uint8Array,
  put: (offset: number, piece: Uint8Array) => Promise<unknown>,
): Promise<void> {
  for (let offset = 0; offset < bytes.length; offset += PIECE_BYTES_MAX) await put(offset, pieceAt(bytes, offset));
}

/** Fetches a part, piece by piece. */
export async function fetchPieces(
  { bytes }: PartName,
  fetch: (offset: number) => Promise<Uint8Array>,
): Promise<Uint8Array> {
  const whole = new Uint8Array(bytes);
  for (let offset = 0; offset < bytes; ) {
    const piece = await fetch(offset);
    if (piece.length === 0 || offset + piece.length > bytes)
      throw lost(`a piece of ${piece.length} bytes at ${offset}`);
    whole.set(piece, offset);
    offset += piece.length;
  }
  return whole;
}

/** Whose a part is: the process that puts it, and what for. */
export interface PartOwner {
  readonly instance: string;
  readonly deployment: string;
  /** Left out of parts of the deployment itself. */
  readonly lease?: number | undefined;
}

interface Incoming {
  readonly owner: PartOwner;
  readonly parts: Map<number, { readonly view: Uint8Array; filledBytes: number }>;
}

/** Parts that masters put here, until the message that names them comes. */
export class IncomingParts {
  readonly #incoming = new Map<string, Incoming>();

  /** Pieces come in order; one that comes once more changes nothing. Fails with `work.parts_lost`. */
  put(owner: PartOwner, { bytes, part }: PartName, offset: number, piece: Uint8Array): void {
    const key = keyOf(owner);
    const { parts } = this.#incoming.get(key) ?? { parts: new Map() };
    if (offset === 0) parts.set(part, { view: new Uint8Array(bytes), filledBytes: 0 });
    this.#incoming.set(key, { owner, parts });
    const known = parts.get(part);
    const isNext = known?.view.length === bytes && offset <= known.filledBytes && offset + piece.length <= bytes;
    if (!known || !isNext) throw lost(`a piece at ${offset} of ${bytes} bytes follows on nothing`);
    known.view.set(piece, offset);
    known.filledBytes = Math.max(known.filledBytes, offset + piece.length);
  }

  /** All of them, once. */
  take(owner: PartOwner): (part: Part) => Uint8Array {
    const taken = this.#incoming.get(keyOf(owner));
    this.#incoming.delete(keyOf(owner));
    return (part) => {
      if (part instanceof Uint8Array) return part;
      const known = taken?.parts.get(part.part);
      if (known?.filledBytes === part.bytes && known.view.length === part.bytes) return known.view;
      throw lost(`${known?.filledBytes ?? 0} of its ${part.bytes} bytes are here`);
    };
  }

  /** Leases of a deployment whose batches are on their way. */
  leases({ deployment, instance }: PartOwner): readonly number[] {
    const own = this.#all.filter(({ owner }) => owner.instance === instance && owner.deployment === deployment);
    return own.flatMap(({ owner }) => owner.lease ?? []);
  }

  /** Nobody comes for them any more: of a deployment, or of all that this process has. */
  forget(instance: string, deployment?: string): void {
    this.#drop((owner) => owner.instance === instance && (deployment ?? owner.deployment) === owner.deployment);
  }

  /** The deployment has ended; another one of its name may be coming, and keeps its own. */
  forgetLeases({ deployment, instance }: PartOwner): void {
    this.#drop((owner) => owner.instance === instance && owner.deployment === deployment && owner.lease !== undefined);
  }

  #drop(isMeant: (owner: PartOwner) => boolean): void {
    for (const { owner } of this.#all) if (isMeant(owner)) this.#incoming.delete(keyOf(owner));
  }

  get #all(): readonly Incoming[] {
    return [...this.#incoming.values()];
  }
}

function keyOf({ deployment, instance, lease }: PartOwner): string {
  return JSON.stringify([instance, deployment, lease]);
}

function lost(what: string): Failure {
  return new Failure("work.parts_lost", `a part of a message was lost on its way: ${what}`, { retryable: true });
}

function tooLarge(bytes: number): Failure {
  return new Failure("work.too_large", `a part of ${bytes} bytes; at most ${PART_BYTES_MAX} go from node to node`);
}

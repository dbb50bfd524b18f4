/** Structures of the replicated data through a snapshot, as bytes: what comes out must be the same in every respect. */
import { Decoder, Encoder } from "../../src/wire/codec/index.ts";

export interface Captured {
  capture(): Iterable<unknown>;
  restore(pieces: Iterable<unknown>): void;
}

/** Its pieces as another node gets them. */
export function sentPieces(structure: Captured): unknown[] {
  return Array.from(structure.capture(), (piece) => new Decoder().decode(new Encoder().encode(piece)));
}

/** As text, to be compared. */
export function stateOf(structure: Captured): string {
  return JSON.stringify([...structure.capture()], (_key, value) =>
    value instanceof Uint8Array ? Buffer.from(value).toString("hex") : value,
  );
}

export function restored<T extends Captured>(source: T, target: T): T {
  target.restore(sentPieces(source));
  return target;
}

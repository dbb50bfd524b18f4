/**
 * Where a batch lies between two steps of its way: in this process, in shared memory of this machine, or as bytes that came
 * over a link. Whoever is to have it next gets its place when he can reach it, and the bytes otherwise.
 */
import { statSync } from "node:fs";
import { type AttachedSegment, attachForeign, type SegmentPlace } from "../../../process/memory/index.ts";

/** In shared memory of somebody. */
export interface InPlace {
  readonly place: SegmentPlace;
  readonly offset: number;
  readonly bytes: number;
}

/** A batch that can be read here: its bytes, or where they lie. */
export type Lying = Uint8Array | InPlace;

export function isInPlace(content: object): content is InPlace {
  return "place" in content;
}

export interface Batch {
  readonly view: Uint8Array;
  /** Left out where it lies in nobody's shared memory. */
  readonly shared?: { readonly place: SegmentPlace; readonly offset: number };
  release(): void;
}

/** What to say to a process of `machine`; empty means that it reaches no segment of others. */
export function contentFor({ shared, view }: Pick<Batch, "shared" | "view">, machine: string): Lying {
  if (!shared || shared.place.machine !== machine) return view;
  return { ...shared, bytes: view.length };
}

/** Segments of others that are mapped here, as long as they are there: views in use keep what has gone by themselves. */
export class ForeignSegments {
  readonly #attached = new Map<string, { readonly place: SegmentPlace; readonly segment: AttachedSegment }>();

  /** Fails with `memory.not_attached` when whoever has it is gone. */
  batchOf(content: Lying, release: () => void): Batch {
    if (content instanceof Uint8Array) return { view: content, release };
    const { bytes, offset, place } = content;
    return { view: this.#attach(place).slot(offset, bytes), shared: { place, offset }, release };
  }

  /** Whether segments of that process can be mapped. */
  canReach(place: SegmentPlace): boolean {
    try {
      this.#attach(place);
      return true;
    } catch {
      return false; // the bytes go over the link then
    }
  }

  /** How many are mapped. */
  get size(): number {
    return this.#attached.size;
  }

  /** Nothing more of it is read: it is gone, or another one took its place. */
  forget(place: SegmentPlace): void {
    this.#attached.delete(keyOf(place));
  }

  #attach(place: SegmentPlace): AttachedSegment {
    const known = this.#attached.get(keyOf(place));
    if (known) return known.segment;
    const segment = attachForeign(place);
    // Whoever has come may have come for somebody who has gone, and nobody tells a worker of that.
    for (const [key, each] of this.#attached) if (!isThere(each.place)) this.#attached.delete(key);
    this.#attached.set(keyOf(place), { place, segment });
    return segment;
  }
}

function keyOf({ inode, pid }: SegmentPlace): string {
  return `${pid}:${inode}`;
}

function isThere({ fd, inode, pid }: SegmentPlace): boolean {
  try {
    return statSync(`/proc/${pid}/fd/${fd}`).ino === inode;
  } catch {
    return false; // the process is gone, or has closed it
  }
}

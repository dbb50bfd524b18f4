/**
 * Where a batch lies between two steps of its way: in this process, in shared memory of this machine, or as bytes that came
 * over a link. Whoever is to have it next gets its place when he can reach it, and the bytes otherwise.
 */
import { type AttachedSegment, attachForeign, type SegmentPlace } from "../../../process/memory/index.ts";
import type { Content } from "./messages.ts";

export interface Batch {
  readonly view: Uint8Array;
  /** Left out where it lies in nobody's shared memory. */
  readonly shared?: { readonly place: SegmentPlace; readonly offset: number };
  release(): void;
}

/** What to say to a process of `machine`; empty means that it reaches no segment of others. */
export function contentFor({ shared, view }: Pick<Batch, "shared" | "view">, machine: string): Content {
  if (!shared || shared.place.machine !== machine) return view;
  return { ...shared, bytes: view.length };
}

/** Segments of others that are mapped here. */
export class ForeignSegments {
  readonly #attached = new Map<string, AttachedSegment>();

  /** Fails with `memory.not_attached` when whoever has it is gone. */
  batchOf(content: Content, release: () => void): Batch {
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

  /** Of a process that is gone: its views may still be in use, and keep their memory. */
  forget(pid: number): void {
    for (const key of this.#attached.keys()) if (key.startsWith(`${pid}:`)) this.#attached.delete(key);
  }

  #attach(place: SegmentPlace): AttachedSegment {
    const key = `${place.pid}:${place.inode}`;
    const known = this.#attached.get(key);
    if (known) return known;
    const attached = attachForeign(place);
    this.#attached.set(key, attached);
    return attached;
  }
}

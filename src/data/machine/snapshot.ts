/** The frames of a snapshot: a head, for each structure its name and its pieces, and an end that counts them. */
import { listOf, wholeOf } from "../structure/index.ts";
import type { Structure } from "../words/index.ts";
import { snapshotFault } from "./frames.ts";

/** What belongs to no structure. */
export interface SnapshotHead {
  readonly appliedIndex: number;
  readonly clockMs: number;
}

/** Frames of one place each; a structure's piece is a list of one in between. */
const END = "end";

/** Captures at once, and gives the frames as they are asked for. */
export function captureState(head: SnapshotHead, structures: readonly Structure[]): Iterable<unknown> {
  const sections = structures.map((structure) => ({ name: structure.name, pieces: structure.capture() }));
  return framesOf(head, sections);
}

function* framesOf(head: SnapshotHead, sections: readonly { name: string; pieces: Iterable<unknown> }[]) {
  yield [head.appliedIndex, head.clockMs];
  let count = 0;
  for (const { name, pieces } of sections) {
    yield name;
    for (const piece of pieces) {
      yield [piece];
      count++;
    }
  }
  yield [END, count];
}

/** Into new structures: they are of no use when it fails. */
export function restoreState(frames: Iterator<unknown>, structures: readonly Structure[]): SnapshotHead {
  const [index, clock] = listOf(next(frames), "the head", 2);
  const head = { appliedIndex: wholeOf(index, "the applied index"), clockMs: wholeOf(clock, "the clock") };
  const sections = new Sections(frames);
  for (const structure of structures) {
    sections.enter(structure.name);
    structure.restore(sections.pieces());
  }
  sections.end();
  return head;
}

/** A walk over the frames that knows the next one. */
class Sections {
  readonly #frames: Iterator<unknown>;
  #ahead: unknown;
  #count = 0;

  constructor(frames: Iterator<unknown>) {
    this.#frames = frames;
    this.#ahead = next(frames);
  }

  enter(name: string): void {
    if (this.#ahead !== name) {
      const found = typeof this.#ahead === "string" ? `section ${this.#ahead}` : "something else";
      throw snapshotFault(`${found} stands where section ${name} is required`);
    }
    this.#ahead = next(this.#frames);
  }

  *pieces(): Generator<unknown, void, undefined> {
    while (Array.isArray(this.#ahead) && this.#ahead.length === 1) {
      const [piece] = this.#ahead as [unknown];
      this.#count++;
      this.#ahead = next(this.#frames);
      yield piece;
    }
  }

  end(): void {
    const ahead = this.#ahead;
    if (typeof ahead === "string") throw snapshotFault(`section ${ahead} is unknown`);
    const [word, count] = listOf(ahead, "the end", 2);
    if (word !== END || count !== this.#count)
      throw snapshotFault(`it ends after ${this.#count} pieces, not as it should`);
    if (!this.#frames.next().done) throw snapshotFault("something follows its end");
  }
}

function next(frames: Iterator<unknown>): unknown {
  const frame = frames.next();
  if (frame.done) throw snapshotFault("it ends before its end");
  return frame.value;
}

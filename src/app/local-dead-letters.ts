/**
 * Dead letters of a run that one master after the other may lead, where the pipeline names no file for them: each directory of state has a
 * file of its own, and the checkpoint has how far each of them is. Whoever leads again takes back what it had written behind the last
 * commit; whoever leads for the first time begins behind what is there. A directory is known by an id that lies in it: on another
 * machine another one has the same path.
 */
import { randomUUID } from "node:crypto";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Checkpoints } from "../work/pipeline/checkpoint/index.ts";
import { endOfNdjson, type Sink, type SinkPosition } from "../work/pipeline/sink/index.ts";

/** In the place of a path, where runs are told apart by their ends. */
export const EACH_ITS_OWN = "each master's own";

const KIND = "local";
const ID_FILE = "place-id";

interface LocalPosition extends SinkPosition {
  /** By the ids of the directories; null where there was no file when the run came there. */
  readonly places: Readonly<Record<string, SinkPosition | null>>;
}

export class LocalDeadLetters implements Sink {
  readonly encoding = "ndjson";
  readonly #file: Sink;
  readonly #place: string;
  /** Where the others are, and this one was. */
  #others: LocalPosition["places"] = {};

  private constructor(file: Sink, place: string) {
    this.#file = file;
    this.#place = place;
  }

  /** Nobody else uses the directory meanwhile. */
  static in(directory: string, file: Sink): LocalDeadLetters {
    return new LocalDeadLetters(file, placeIn(directory));
  }

  /** The end of what is in the file now, as where a run begins. */
  async end(path: string): Promise<SinkPosition> {
    return this.#position((await endOfNdjson(path)) ?? null);
  }

  /**
   * Notes where the file ends for a run that was not here yet, before anything is written: whoever dies then takes back what it wrote.
   * Fails as the store does.
   */
  async arrive(store: Checkpoints, path: string): Promise<void> {
    const found = store.load();
    const places = placesOf(found?.deadLetters);
    if (!found || found.finished || !places || this.#place in places) return;
    this.#others = places;
    await store.save({ ...found, deadLetters: await this.end(path) });
  }

  async open(position: SinkPosition | undefined): Promise<void> {
    this.#others = placesOf(position) ?? {};
    await this.#file.open(this.#others[this.#place] ?? undefined);
  }

  write(bytes: Uint8Array, batchId: string): Promise<void> {
    return this.#file.write(bytes, batchId);
  }

  async flush(): Promise<SinkPosition> {
    return this.#position(await this.#file.flush());
  }

  close(): Promise<void> {
    return this.#file.close();
  }

  abort(): Promise<void> {
    return this.#file.abort();
  }

  #position(own: SinkPosition | null): LocalPosition {
    return { v: 1, kind: KIND, places: { ...this.#others, [this.#place]: own } };
  }
}

function placesOf(position: unknown): LocalPosition["places"] | undefined {
  const found = position as Partial<LocalPosition> | undefined; // looked at here
  return found?.kind === KIND ? found.places : undefined;
}

function placeIn(directory: string): string {
  const path = join(directory, ID_FILE);
  if (existsSync(path)) return readFileSync(path, "utf8").trim();
  const id = randomUUID();
  writeFileSync(path, `${id}\n`, { mode: 0o600 });
  return id;
}

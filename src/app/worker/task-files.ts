/**
 * The files of plugin tasks on a worker. A graph asks for the same ones thousands of times, and making sure that they are there
 * costs a write to disk: so those in use, and those used last, are held and only looked up.
 */
import { Failure, toFailure } from "../../base/errors.ts";
import type { PeerLink } from "../../wire/link/index.ts";
import {
  type ArtifactStore,
  type FilePlan,
  fetchOverLink,
  type SettledPlan,
  type ShippedFile,
  settlePlan,
} from "../../work/artifact/index.ts";
import type { ReadyPlugin } from "../../work/task/index.ts";

/** Held without being used: some graphs' worth. */
const HELD_MAX = 64;

interface Held {
  readonly settled: Promise<SettledPlan<FilePlan>>;
  users: number;
}

export interface TaskFilesInUse extends Disposable {
  /** With paths of this machine. */
  readonly work: ReadyPlugin;
}

export class TaskFiles {
  readonly #store: ArtifactStore;
  /** Those used last stand last. */
  readonly #held = new Map<string, Held>();

  constructor(store: ArtifactStore) {
    this.#store = store;
  }

  /** Fails as fetching does; nothing of the task has begun then. */
  async use(work: ReadyPlugin, files: readonly ShippedFile[], master: PeerLink): Promise<TaskFilesInUse> {
    const plan = planOf(work, files);
    const key = JSON.stringify([plan, files]);
    const held = this.#held.get(key) ?? { settled: this.#settle(plan, files, master), users: 0 };
    this.#held.delete(key);
    this.#held.set(key, held);
    held.users++;
    try {
      const { library, params } = (await held.settled).plan;
      const here = { ...work, library, params: { ...work.params, ...(params as ReadyPlugin["params"]) } };
      return { work: here, [Symbol.dispose]: () => this.#leave(held) };
    } catch (thrown) {
      if (this.#held.get(key) === held) this.#held.delete(key); // whoever comes next tries anew
      const { code, data, message, retryable } = toFailure(thrown, "artifact.store");
      throw new Failure(code, message, { cause: thrown, retryable, data: { ...data, untouched: true } });
    }
  }

  /** Holds nothing any more that is not in use. */
  async release(): Promise<void> {
    await this.#releaseTo(0);
  }

  #settle(plan: FilePlan, files: readonly ShippedFile[], master: PeerLink): Promise<SettledPlan<FilePlan>> {
    return settlePlan(plan, files, this.#store, fetchOverLink(master));
  }

  #leave(held: Held): void {
    held.users--;
    if (this.#held.size > HELD_MAX) void this.#releaseTo(HELD_MAX);
  }

  async #releaseTo(max: number): Promise<void> {
    const unused = [...this.#held].filter(([, { users }]) => users === 0);
    const tooMany = unused.slice(0, Math.max(0, this.#held.size - max));
    for (const [key] of tooMany) this.#held.delete(key);
    for (const [, { settled }] of tooMany) (await settled).release();
  }
}

/** As much of the task as names files. */
function planOf({ library, params }: ReadyPlugin, files: readonly ShippedFile[]): FilePlan {
  const names = files.flatMap(({ place: [kind, name] }) =>
    kind === "params" && typeof name === "string" ? [name] : [],
  );
  const named = [...new Set(names)].filter((name) => Object.hasOwn(params, name));
  return { library, params: Object.fromEntries(named.map((name) => [name, params[name]])) };
}

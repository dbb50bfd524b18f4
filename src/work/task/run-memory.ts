/** The journal of one run, added up: what is known of each task, and where what it has left stands. Plain memory, no store. */
import type { StoredTask, TimedChange } from "./stored-runs.ts";

/** `isAlone`: what it has left stands under a key of its own. */
type Change = TimedChange & { readonly isAlone?: true };

export type Entry =
  | Change
  /** Failed and skipped tasks are to be done again. */
  | { readonly forget: "failed" };

/** So that keys sort as they count. */
const DIGITS = 10;

export class RunMemory {
  readonly #life: string;
  readonly #tasks = new Map<number, StoredTask>();
  readonly #outputs = new Map<number, string>();
  #next = 0;

  /** `life` makes keys that nobody else makes, also when he counts the same. */
  constructor(life: string) {
    this.#life = life;
  }

  /** Of the next group of changes, below the run's own. */
  nextKey(): string {
    return `${String(this.#next++).padStart(DIGITS, "0")}-${this.#life}`;
  }

  /** In the order of the keys. */
  add(key: string, entries: readonly Entry[]): void {
    this.#next = Math.max(this.#next, Number(key.split("/").at(-1)!.slice(0, DIGITS)) + 1);
    for (const entry of entries) {
      if ("forget" in entry) this.#forgetFailed();
      else this.#change(key, entry);
    }
  }

  /** By number. */
  tasks(): readonly StoredTask[] {
    return [...this.#tasks.values()].sort((one, other) => one.task - other.task);
  }

  /** The key of the group that holds it. */
  outputAt(task: number): string | "alone" | undefined {
    return this.#outputs.get(task);
  }

  #change(
    key: string,
    { attempts, code, endedMs, isAlone, output, reason, startedMs, state, task, tookMs }: Change,
  ): void {
    const known = this.#tasks.get(task);
    this.#tasks.set(task, {
      task,
      state,
      attempts,
      startedMs: known?.startedMs ?? startedMs ?? null,
      endedMs: endedMs ?? null,
      tookMs: tookMs ?? known?.tookMs ?? null,
      code: code ?? null,
      reason: reason ?? null,
    });
    if (isAlone) this.#outputs.set(task, "alone");
    else if (output !== undefined) this.#outputs.set(task, key);
  }

  #forgetFailed(): void {
    for (const { state, task } of this.#tasks.values())
      if (state === "failed" || state === "skipped") this.#tasks.delete(task);
  }
}

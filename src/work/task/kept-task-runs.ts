/**
 * Runs of task graphs in a state that several masters share. What happens to tasks is a journal: each group of changes is one value,
 * so thousands of tasks a second are some hundred writes. Whoever asks for tasks gets the journal added up, which is kept in
 * memory for the runs asked for last.
 */
import { deleteLarge, getLarge, putLarge, sizeOfLarge, writeInGroups, writeLarge } from "../../base/kept-large.ts";
import { decodeKept, encodeKept, type KeptChange, type KeptState, keyPart } from "../../base/kept-state.ts";
import { KeptSweep } from "../../base/kept-sweep.ts";
import { type Entry, RunMemory } from "./run-memory.ts";
import {
  type NewRun,
  noSuchRun,
  RUNS_MAX,
  type StoredRun,
  type StoredTask,
  type StoredTaskRuns,
  type TimedChange,
} from "./stored-runs.ts";
import type { Json, TaskGraph } from "./types.ts";

/** Of all runs, about; the oldest ended ones go. A quarter of what a group holds, which every node of it has in memory. */
const BYTES_MAX = 256 * 2 ** 20;
/** Runs whose journals are added up in memory: as many as can be under way, and some that people look at. */
const MEMORIES_MAX = 72;
/** A group of changes as one value; reading one outcome reads so much. */
const CHUNK_BYTES = 64 * 2 ** 10;
/** Larger ones stand alone. */
const INLINE_BYTES_MAX = 4 * 2 ** 10;
/** Written together: those that are not cut into pieces have 8 KiB. */
const OUTPUTS_AT_ONCE = 100;

interface KeptRun extends StoredRun {
  /** They count up. */
  readonly number: number;
  readonly owner: string | null;
  readonly files?: string | undefined;
  readonly key?: string | undefined;
  readonly asked?: string | undefined;
  /** Of its graph, its journal and its results, when it ended last. */
  readonly bytes: number;
}

export class KeptTaskRuns implements StoredTaskRuns {
  readonly #kept: KeptState;
  readonly #life: string;
  readonly #runsMax: number;
  readonly #sweep: KeptSweep;
  /** The one used last is last. */
  readonly #memories = new Map<string, RunMemory>();
  #generation = 0;

  /** `kept` is theirs alone; `life` is another one in each life of each master. */
  constructor(kept: KeptState, life: string, runsMax = RUNS_MAX) {
    this.#kept = kept;
    this.#life = keyPart(life);
    this.#runsMax = runsMax;
    this.#sweep = new KeptSweep(kept, () => this.#leftovers());
  }

  createRun(run: NewRun, graph: TaskGraph): Promise<void> {
    return this.#sweep.around(() => this.#create(run, graph));
  }

  reopenRun(id: string, owner: string | null, parallel?: number, files?: string): Promise<void> {
    return this.#sweep.around(async () => {
      const before = this.#run(id);
      const run = this.#putRun({ ...before, state: "running", endedMs: null, owner, files: files ?? before.files });
      const graph = parallel === undefined ? undefined : encodeKept({ ...this.graph(id), parallel });
      await writeLarge(this.#kept, run, ...(graph ? [putLarge(this.#kept, graphKey(id), graph)] : []));
    });
  }

  endRun(id: string, state: StoredRun["state"], endedMs: number | null): Promise<void> {
    return this.#sweep.around(async () => {
      const run = this.#run(id);
      const journal = this.#journal(id).reduce((sum, { value }) => sum + value.length, 0);
      const large = [graphKey(id), ...this.#outputKeys(id)];
      const bytes = large.reduce((sum, key) => sum + sizeOfLarge(this.#kept, key), journal);
      await writeLarge(this.#kept, this.#putRun({ ...run, state, endedMs, bytes }));
    });
  }

  run(id: string): StoredRun | undefined {
    return this.#kept.get(runKey(id)) && shown(this.#run(id));
  }

  runs(limit: number): readonly StoredRun[] {
    return this.#all().reverse().slice(0, limit).map(shown);
  }

  runsOf(owner: string): readonly StoredRun[] {
    const own = this.#all().filter((run) => run.owner === owner && run.state === "running");
    return own.map(shown);
  }

  /** The latest run that was begun under this key, since then; as long as it is kept. */
  runWithKey(key: string, sinceMs: number): Pick<NewRun, "id" | "asked"> | undefined {
    return this.#all().findLast((run) => run.key === key && run.startedMs >= sinceMs);
  }

  /** What is kept of the files of a run. */
  filesOf(id: string): string | undefined {
    return this.#run(id).files;
  }

  /** Of all runs that there are. */
  files(): readonly (string | undefined)[] {
    return this.#all().map(({ files }) => files);
  }

  graph(id: string): TaskGraph {
    const bytes = getLarge(this.#kept, graphKey(id));
    if (!bytes) throw noSuchRun(id);
    return decodeKept(bytes) as TaskGraph; // written by createRun
  }

  tasks(id: string): readonly StoredTask[] {
    return this.#memory(id).tasks();
  }

  output(id: string, task: number): Json | undefined {
    const place = this.#memory(id).outputAt(task);
    if (place === undefined) return undefined;
    if (place === "alone") return decodeKept(getLarge(this.#kept, outputKey(id, task))!) as Json;
    const text = entriesIn(this.#kept.get(place)!).findLast((entry) => "task" in entry && entry.task === task);
    return JSON.parse((text as TimedChange).output!) as Json; // outputAt has found it there
  }

  async save(id: string, changes: Iterable<TimedChange>): Promise<void> {
    const outputs: (readonly [task: number, text: string])[] = [];
    const entries = Array.from(changes, (change): Entry => {
      const { output, ...rest } = change;
      if (output === undefined || output.length <= INLINE_BYTES_MAX) return change;
      outputs.push([change.task, output]);
      return { ...rest, isAlone: true };
    });
    await this.#sweep.around(async () => {
      await this.#saveOutputs(id, outputs); // first: the journal says that they are there
      await this.#append(id, entries);
    });
  }

  forgetFailed(id: string): Promise<void> {
    return this.#sweep.around(() => this.#append(id, [{ forget: "failed" }]));
  }

  close(): void {
    this.#memories.clear();
  }

  async #create(run: NewRun, graph: TaskGraph): Promise<void> {
    const { owner = null, ...rest } = run;
    const text = encodeKept(graph);
    const others = this.#all();
    const number = Math.max(0, ...others.map((each) => each.number)) + 1;
    const created = { ...rest, state: "running", tasks: graph.tasks.length, endedMs: null } as const;
    const kept: KeptRun = { ...created, number, owner, bytes: text.length };
    await writeLarge(this.#kept, putLarge(this.#kept, graphKey(run.id), text), this.#putRun(kept));
    await this.#forgetOld([...others, kept]);
  }

  async #saveOutputs(id: string, outputs: readonly (readonly [task: number, text: string])[]): Promise<void> {
    for (let from = 0; from < outputs.length; from += OUTPUTS_AT_ONCE) {
      const some = outputs.slice(from, from + OUTPUTS_AT_ONCE);
      const encoder = new TextEncoder();
      await writeLarge(
        this.#kept,
        ...some.map(([task, text]) => putLarge(this.#kept, outputKey(id, task), encoder.encode(text))),
      );
    }
  }

  async #append(id: string, entries: readonly Entry[]): Promise<void> {
    this.#run(id); // there is one
    const memory = this.#memory(id);
    const chunks = chunksOf(entries).map((chunk) => {
      return { key: `${journalKey(id)}${memory.nextKey()}`, chunk };
    });
    try {
      await writeInGroups(
        this.#kept,
        chunks.map(({ chunk, key }) => ({ key, value: encodeKept(chunk) })),
      );
      for (const { chunk, key } of chunks) memory.add(key, chunk);
    } catch (thrown) {
      this.#memories.delete(id); // nobody knows what of it was written
      throw thrown;
    }
  }

  #memory(id: string): RunMemory {
    const known = this.#memories.get(id);
    this.#memories.delete(id);
    const memory = known ?? this.#added(id);
    this.#memories.set(id, memory);
    for (const oldest of this.#memories.keys()) {
      if (this.#memories.size <= MEMORIES_MAX) break;
      this.#memories.delete(oldest);
    }
    return memory;
  }

  #added(id: string): RunMemory {
    this.#run(id);
    const memory = new RunMemory(`${this.#life}-${++this.#generation}`);
    for (const { key, value } of this.#journal(id)) memory.add(key, entriesIn(value));
    return memory;
  }

  #journal(id: string) {
    return this.#kept.list(journalKey(id));
  }

  /** The oldest first. */
  #all(): KeptRun[] {
    const runs = this.#kept.list("run/").map(({ key }) => decodeKept(getLarge(this.#kept, key)!) as KeptRun); // by #putRun
    return runs.sort((one, other) => one.number - other.number);
  }

  #run(id: string): KeptRun {
    const bytes = getLarge(this.#kept, runKey(id));
    if (!bytes) throw noSuchRun(id);
    return decodeKept(bytes) as KeptRun; // by #putRun
  }

  #putRun(run: KeptRun) {
    return putLarge(this.#kept, runKey(run.id), encodeKept(run));
  }

  async #forgetOld(all: readonly KeptRun[]): Promise<void> {
    let bytes = all.reduce((sum, run) => sum + run.bytes, 0);
    const ended = all.filter(({ state }) => state === "done" || state === "failed");
    for (let left = ended.length; left > this.#runsMax || (left > 0 && bytes > BYTES_MAX); left--) {
      const oldest = ended[ended.length - left]!;
      await this.#forget(oldest.id);
      bytes -= oldest.bytes;
    }
  }

  /** The run itself first: what is left of one that nobody knows any more is swept away. */
  async #forget(id: string): Promise<void> {
    const large = [...this.#outputKeys(id), graphKey(id)];
    const small = this.#journal(id).map(({ key }): KeptChange => ({ key, delete: true }));
    const garbage = large.flatMap((key) => [key, ...deleteLarge(this.#kept, key).garbage]);
    await writeInGroups(this.#kept, [
      { key: runKey(id), delete: true },
      ...small,
      ...garbage.map((key): KeptChange => ({ key, delete: true })),
    ]);
    this.#memories.delete(id);
  }

  #outputKeys(id: string): readonly string[] {
    return this.#kept.list(`output/${keyPart(id)}/`).map(({ key }) => key);
  }

  /** Of runs whose forgetting was cut off. */
  #leftovers(): readonly string[] {
    const known = new Set(this.#kept.list("run/").map(({ key }) => partOf(key)));
    const all = ["graph/", "journal/", "output/"].flatMap((kind) => this.#kept.list(kind));
    return all.map(({ key }) => key).filter((key) => !known.has(partOf(key)));
  }
}

function shown({
  asked: _,
  bytes: __,
  files: ___,
  key: ____,
  number: _____,
  owner: ______,
  ...run
}: KeptRun): StoredRun {
  return run;
}

function runKey(id: string): string {
  return `run/${keyPart(id)}`;
}

/** Which run a key belongs to. */
function partOf(key: string): string {
  return key.split("/")[1]!; // all keys have one
}

function graphKey(id: string): string {
  return `graph/${keyPart(id)}`;
}

function journalKey(id: string): string {
  return `journal/${keyPart(id)}/`;
}

function outputKey(id: string, task: number): string {
  return `output/${keyPart(id)}/${task}`;
}

function entriesIn(value: Uint8Array): readonly Entry[] {
  return decodeKept(value) as readonly Entry[]; // written by #append
}

function chunksOf(entries: readonly Entry[]): readonly (readonly Entry[])[] {
  const chunks: Entry[][] = [];
  let bytes = Number.POSITIVE_INFINITY;
  for (const entry of entries) {
    const more = JSON.stringify(entry).length;
    if (bytes + more > CHUNK_BYTES) {
      chunks.push([]);
      bytes = 0;
    }
    chunks.at(-1)!.push(entry);
    bytes += more;
  }
  return chunks;
}

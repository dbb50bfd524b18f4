/** Results for those that will refer to them: the latest in memory up to a limit, all others in the store. */

import { templatesOf } from "./check-graph.ts";
import { RESULT_MEMORY_BYTES } from "./limits.ts";
import { eachTemplate, isReference } from "./reference.ts";
import type { Json, TaskGraph } from "./types.ts";

interface Kept {
  readonly output: Json;
  readonly bytes: number;
}

export class Outputs {
  /** Ids that some text refers to: nobody asks for the others. */
  readonly #wanted: ReadonlySet<string>;
  readonly #graph: TaskGraph;
  readonly #load: (task: number) => Json | undefined;
  readonly #numbers: ReadonlyMap<string, number>;
  readonly #kept = new Map<number, Kept>();
  readonly #bytesMax: number;
  #bytes = 0;

  constructor(graph: TaskGraph, load: (task: number) => Json | undefined, bytesMax = RESULT_MEMORY_BYTES) {
    this.#graph = graph;
    this.#load = load;
    this.#bytesMax = bytesMax;
    this.#wanted = wantedOutputs(graph);
    this.#numbers = new Map(graph.tasks.map(({ id }, index) => [id, index]));
  }

  keep(task: number, output: Json): void {
    if (!this.#wanted.has(this.#graph.tasks[task]!.id)) return;
    const bytes = JSON.stringify(output).length;
    this.#kept.set(task, { output, bytes });
    this.#bytes += bytes;
    for (const [oldest, kept] of this.#kept) {
      if (this.#bytes <= this.#bytesMax) break;
      this.#kept.delete(oldest);
      this.#bytes -= kept.bytes;
    }
  }

  numberOf(id: string): number | undefined {
    return this.#numbers.get(id);
  }

  of(id: string): Json | undefined {
    const task = this.#numbers.get(id);
    return task === undefined ? undefined : (this.#kept.get(task)?.output ?? this.#load(task));
  }
}

function wantedOutputs({ tasks }: TaskGraph): ReadonlySet<string> {
  const wanted = new Set<string>();
  for (const task of tasks) {
    for (const [, value] of templatesOf(task)) {
      eachTemplate(value, (parts) => {
        for (const part of parts) if (isReference(part) && part.kind === "task") wanted.add(part.task);
      });
    }
  }
  return wanted;
}

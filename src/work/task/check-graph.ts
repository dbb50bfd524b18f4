/** What the fields alone do not show: cycles, and references to tasks that need not have run or to variables that nobody named. */
import { nearMiss } from "../../base/near-miss.ts";
import { findCycles } from "./cycles.ts";
import type { FaultList } from "./faults.ts";
import type { JsonPath } from "./json-text.ts";
import { CYCLES_MAX, INDIRECT_MAX, SUGGESTIONS_MAX } from "./limits.ts";
import { dependentsOf, orderOf } from "./order.ts";
import { eachTemplate, isReference, REFERENCE_FORM, type Reference, type TemplatePart } from "./reference.ts";
import type { Json, Task, TaskGraph, Work } from "./types.ts";

const NAMED_MAX = 20;

export function checkGraph(graph: TaskGraph, faults: FaultList): void {
  const { order } = orderOf(graph.tasks);
  if (order.length < graph.tasks.length) checkCycles(graph.tasks, faults);
  new ReferenceCheck(graph, faults).run();
}

function checkCycles(tasks: readonly Task[], faults: FaultList): void {
  for (const cycle of findCycles(tasks, CYCLES_MAX)) {
    const [first] = cycle as [number, ...number[]];
    const names = [...cycle, first].map((task) => tasks[task]!.id);
    const middle =
      names.length > NAMED_MAX
        ? [...names.slice(0, NAMED_MAX - 1), `… ${names.length - NAMED_MAX} more …`, names[0]!]
        : names;
    faults.add({
      path: ["tasks", first, "needs"],
      code: "task.config.cycle",
      message: `the tasks wait for each other: ${middle.join(" → ")}`,
      allowed: "needs without a circle",
    });
  }
}

class ReferenceCheck {
  readonly #graph: TaskGraph;
  readonly #faults: FaultList;
  readonly #numbers: ReadonlyMap<string, number>;
  readonly #env: ReadonlySet<string>;
  /** By target that is no direct need, the places that refer to it. */
  readonly #indirect = new Map<number, { readonly task: number; readonly path: JsonPath; readonly text: string }[]>();
  #suggestions = 0;

  constructor(graph: TaskGraph, faults: FaultList) {
    this.#graph = graph;
    this.#faults = faults;
    this.#numbers = new Map(graph.tasks.map(({ id }, index) => [id, index]));
    this.#env = new Set(graph.env);
  }

  run(): void {
    for (const [index, task] of this.#graph.tasks.entries()) {
      for (const [field, value] of templatesOf(task)) {
        eachTemplate(value, (parts, below) => this.#text(index, ["tasks", index, field, ...below], parts));
      }
    }
    this.#checkIndirect();
  }

  #text(task: number, path: JsonPath, parts: readonly TemplatePart[]): void {
    for (const part of parts) {
      if (isReference(part)) this.#reference(task, path, part);
      else if (typeof part !== "string") {
        const message = `${part.text}: ${part.message}`;
        this.#faults.add({ path, code: "task.config.reference", message, allowed: REFERENCE_FORM });
      }
    }
  }

  #reference(task: number, path: JsonPath, reference: Reference): void {
    const { text } = reference;
    if (reference.kind === "env") {
      if (this.#env.has(reference.name)) return;
      const message = `${text}: ${reference.name} is not among the variables that the graph names in env`;
      const suggestion = nearMiss(reference.name, this.#env);
      this.#faults.add({
        path,
        code: "task.config.env",
        message,
        allowed: this.#graph.env.join(", ") || "none",
        suggestion,
      });
      return;
    }
    const target = this.#numbers.get(reference.task);
    if (target === undefined) return this.#unknown(path, reference.task, text);
    if (this.#graph.tasks[task]!.needs.some((need) => need.task === target)) return;
    const places = this.#indirect.get(target);
    if (places) places.push({ task, path, text });
    else this.#indirect.set(target, [{ task, path, text }]);
  }

  #unknown(path: JsonPath, id: string, text: string): void {
    const suggestion = this.#suggestions++ < SUGGESTIONS_MAX ? nearMiss(id, [...this.#numbers.keys()]) : undefined;
    const message = `${text}: there is no task ${id}`;
    this.#faults.add({ path, code: "task.config.reference", message, allowed: "ids of tasks", suggestion });
  }

  /** One walk along the dependents for each target. */
  #checkIndirect(): void {
    if (this.#indirect.size > INDIRECT_MAX) {
      const message = `${this.#indirect.size} tasks are referred to by tasks that do not need them directly`;
      const allowed = `at most ${INDIRECT_MAX}; name the others in needs`;
      return this.#faults.add({ path: ["tasks"], code: "task.config.too_many", message, allowed });
    }
    if (this.#indirect.size === 0) return;
    const dependents = dependentsOf(this.#graph.tasks);
    for (const [target, places] of this.#indirect) {
      const behind = new Set(dependents[target]);
      for (const task of behind) for (const next of dependents[task]!) behind.add(next);
      for (const { path, task, text } of places) {
        if (behind.has(task)) continue;
        const { id } = this.#graph.tasks[target]!;
        const message = `${text}: task ${this.#graph.tasks[task]!.id} does not need ${id}, which may not have run by then`;
        this.#faults.add({ path, code: "task.config.reference", message, allowed: `"${id}" among its needs` });
      }
    }
  }
}

/** The fields of a task that may hold references, by the names they have in the file. */
export function templatesOf({ key, work }: Pick<Task, "key" | "work">): readonly Template[] {
  return key === undefined ? templatesOfWork(work) : [["key", key], ...templatesOfWork(work)];
}

type Template = readonly [field: string, value: Json];

function templatesOfWork(work: Work): readonly Template[] {
  if (work.type === "pipeline") return [];
  if (work.type === "plugin") {
    return [
      ["params", work.params],
      ["records", work.records],
    ];
  }
  const { body, headers, idempotencyKey, url } = work;
  return [
    ["url", url],
    ["headers", headers],
    ...(body === undefined ? [] : ([["body", body]] as const)),
    ...(typeof idempotencyKey === "string" ? ([["idempotency_key", idempotencyKey]] as const) : []),
  ];
}

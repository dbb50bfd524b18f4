/**
 * The children of one supervisor in start order, each with its state, and the counts that keep the machine from walking
 * over all of them at each step: ten thousand children cost no more a step than ten.
 */
import { type ChildSpec, type CompleteSpec, completeSpec } from "./child-spec.ts";
import type { ChildCounts, ChildInfo } from "./messages.ts";

export type ChildState =
  | { readonly kind: "waiting" }
  | { readonly kind: "starting" }
  | { readonly kind: "running"; readonly sinceMs: number }
  /** Without a time: as soon as its group has been stopped. */
  | { readonly kind: "restarting"; readonly atMs: number | undefined }
  | { readonly kind: "stopping"; readonly killAtMs: number | undefined }
  | { readonly kind: "gone" };

export interface Child {
  readonly spec: CompleteSpec;
  readonly state: ChildState;
  readonly incarnation: number;
  /** Has been started since its turn came, or never will be: whoever comes after it may start. */
  readonly settled: boolean;
  /** −1 before its first start. */
  readonly restarts: number;
  /** In a row. */
  failures: number;
  /** The request that added it while the supervisor ran. */
  readonly addedBy: number | undefined;
  /** The request that waits for it to start. */
  startRequest: number | undefined;
  /** The requests that wait for it to be gone. */
  readonly terminateRequests: number[];
}

type Mutable<T> = { -readonly [Key in keyof T]: T[Key] };

export class ChildTable {
  readonly #children = new Map<string, Mutable<Child>>();
  readonly #timed = new Set<Child>();
  #stopping = 0;
  #unsettled = 0;
  #alive = 0;
  #restarts = 0;
  /** No incarnation of a deleted child was higher: a child that gets its id again counts on from here. */
  #incarnationMax = 0;

  /** `addedBy`: the request that it answers when it has started. */
  add(spec: ChildSpec, settled: boolean, addedBy: number | undefined): Child {
    const child = {
      spec: completeSpec(spec),
      state: { kind: "waiting" } as const,
      incarnation: this.#incarnationMax,
      settled,
      restarts: -1,
      failures: 0,
      addedBy,
      startRequest: undefined,
      terminateRequests: [],
    };
    this.#children.set(spec.id, child);
    if (!settled) this.#unsettled++;
    return child;
  }

  /** Forgets a child that does not run. */
  remove(child: Child): void {
    this.settle(child);
    this.set(child, { kind: "gone" });
    this.#incarnationMax = Math.max(this.#incarnationMax, child.incarnation);
    this.#children.delete(child.spec.id);
  }

  get(id: string): Child | undefined {
    return this.#children.get(id);
  }

  /** In start order. */
  [Symbol.iterator](): IterableIterator<Child> {
    return this.#children.values();
  }

  /** This child and those behind it. */
  from(first: Child): Child[] {
    const all = [...this];
    return all.slice(all.indexOf(first));
  }

  alive(): Child[] {
    return [...this].filter(isAlive);
  }

  get stopping(): number {
    return this.#stopping;
  }

  get unsettled(): number {
    return this.#unsettled;
  }

  /** Children that something is timed for: a restart, a kill. */
  get timed(): readonly Child[] {
    return [...this.#timed];
  }

  /** Of all children, deleted ones too. */
  get restarts(): number {
    return this.#restarts;
  }

  get nextDeadlineMs(): number | undefined {
    let first: number | undefined;
    for (const { state } of this.#timed) first = Math.min(first ?? Infinity, deadlineOf(state) ?? Infinity);
    return first;
  }

  set(child: Child, state: ChildState): void {
    const { state: before } = child;
    this.#stopping += Number(state.kind === "stopping") - Number(before.kind === "stopping");
    this.#alive -= Number(isAlive(child));
    (child as Mutable<Child>).state = state; // handed out read-only, so that states change here alone
    this.#alive += Number(isAlive(child));
    if (deadlineOf(state) === undefined) this.#timed.delete(child);
    else this.#timed.add(child);
  }

  /** Its next incarnation begins. */
  begin(child: Child): number {
    const counted = child as Mutable<Child>;
    counted.incarnation++;
    if (++counted.restarts > 0) this.#restarts++;
    this.set(child, { kind: "starting" });
    return child.incarnation;
  }

  settle(child: Child, settled = true): void {
    if (child.settled === settled) return;
    this.#unsettled += settled ? -1 : 1;
    (child as Mutable<Child>).settled = settled;
  }

  infos(): readonly ChildInfo[] {
    return [...this].map(({ spec, state, incarnation, restarts }) => {
      return { id: spec.id, type: spec.type, state: state.kind, incarnation, restarts: Math.max(0, restarts) };
    });
  }

  counts(): ChildCounts {
    const specs = this.#children.size;
    const supervisors = [...this].filter(({ spec }) => spec.type === "supervisor").length;
    return { specs, active: this.#alive, supervisors, workers: specs - supervisors };
  }
}

export function isAlive({ state }: Child): boolean {
  return state.kind === "starting" || state.kind === "running" || state.kind === "stopping";
}

function deadlineOf(state: ChildState): number | undefined {
  if (state.kind === "restarting") return state.atMs;
  return state.kind === "stopping" ? state.killAtMs : undefined;
}

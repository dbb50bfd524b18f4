/** What is known of runs and their tasks, and what any store of it is: a file of one machine, or a state that several masters share. */
import { Failure } from "../../base/errors.ts";
import type { TaskChange, TaskState } from "./outcome.ts";
import type { RunEnd } from "./scheduler.ts";
import type { Json, TaskGraph } from "./types.ts";

/** Ended runs that are kept, with all their results: weeks of work. The oldest go; what stopped may go on, and stays. */
export const RUNS_MAX = 1_000;

export interface StoredRun {
  readonly id: string;
  readonly name: string;
  readonly file: string;
  readonly fingerprint: string;
  /** `running` is under way, or was when its process died. */
  readonly state: "running" | RunEnd;
  readonly tasks: number;
  readonly startedMs: number;
  readonly endedMs: number | null;
}

export type NewRun = Pick<StoredRun, "id" | "name" | "file" | "fingerprint" | "startedMs"> & {
  /** Whoever goes on with it by itself when it starts again: a master's id. */
  readonly owner?: string | undefined;
  /** What is kept of the files that its tasks need, where somebody keeps them. */
  readonly files?: string | undefined;
  /** Of who asked for it, so that asking again begins no other one; kept where masters keep runs. */
  readonly key?: string | undefined;
  /** What was asked for under the key, as a digest. */
  readonly asked?: string | undefined;
};

export interface StoredTask {
  readonly task: number;
  readonly state: TaskState;
  readonly attempts: number;
  readonly startedMs: number | null;
  readonly endedMs: number | null;
  readonly tookMs: number | null;
  readonly code: string | null;
  readonly reason: string | null;
}

/** A change as it is written: with its time, and its output as text. */
export interface TimedChange extends Omit<TaskChange, "output"> {
  readonly output?: string;
  readonly startedMs?: number | undefined;
  readonly endedMs?: number | undefined;
}

/** What changes something gives a promise where it takes a while; it is durable when that resolves, or else at once. */
export interface StoredTaskRuns {
  createRun(run: NewRun, graph: TaskGraph): void | Promise<void>;
  /** It goes on, and from now on it is this owner's, with so many tasks at once, and these files, where that is said anew. */
  reopenRun(id: string, owner: string | null, parallel?: number, files?: string): void | Promise<void>;
  endRun(id: string, state: StoredRun["state"], endedMs: number | null): void | Promise<void>;
  run(id: string): StoredRun | undefined;
  /** The latest first. */
  runs(limit: number): readonly StoredRun[];
  /** Those of this owner that have not ended, the oldest first. */
  runsOf(owner: string): readonly StoredRun[];
  graph(id: string): TaskGraph;
  /** Those that have begun or ended, by number. */
  tasks(id: string): readonly StoredTask[];
  output(id: string, task: number): Json | undefined;
  /** In their order: where it ends early, what is there lacks nothing that it was started on. */
  save(id: string, changes: Iterable<TimedChange>): void | Promise<void>;
  /** Forgets failed and skipped tasks, so that a resumed run does them again. */
  forgetFailed(id: string): void | Promise<void>;
  close(): void;
}

export function noSuchRun(id: string): Failure {
  return new Failure("task.run.not_found", `there is no run ${id}; task list shows those that there are`);
}

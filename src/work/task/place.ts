/** Where tasks are executed: this machine, or one that spreads them over workers. */

import { executeTask, type TaskPorts } from "./execute.ts";
import type { TaskOutcome } from "./outcome.ts";
import type { ReadyTask } from "./ready-task.ts";

export interface TaskPlace {
  /** How many at once make sense now; 0 while there is nobody to do them. */
  readonly capacity: number;
  /** Calls back when the capacity has changed; left out where it never does. */
  watch?(changed: () => void): { close(): void };
  /** Never rejects. `unplaced` only when the capacity is 0, and was told to be. After the signal it answers soon; the answer is thrown away. */
  execute(task: ReadyTask, options: { readonly attempt: number; readonly signal: AbortSignal }): Promise<TaskOutcome>;
}

/** Requests that one process has in flight at most; the runtime queues what is beyond. */
const LOCAL_CAPACITY = 256;

/** This process does it. */
export function localPlace(ports: TaskPorts): TaskPlace {
  return { capacity: LOCAL_CAPACITY, execute: (task, { signal }) => executeTask(task, { signal, ports }) };
}

/** What the commands that have a master run task graphs ask: calls of the contract `tasks`, and a run followed to its end. */
import { pause, systemClock } from "../../../base/clock.ts";
import { toFailure } from "../../../base/errors.ts";
import { createClient, type OutputOf } from "../../../wire/rpc/index.ts";
import type { TaskLine } from "../../../work/task/index.ts";
import { type AskChoices, type Asked, askNode } from "../../node/ask-node.ts";
import type { ShownRun, ShownTask } from "../../task/stored-runs.ts";
import { type TasksClient, tasksContract } from "./tasks-contract.ts";

export type RunProgress = OutputOf<typeof tasksContract.methods.progress>;
export type RunAtMaster = ShownRun & { readonly report?: string };

/** Small beside what a task takes, and cheap to answer. */
const LOOK_EVERY_MS = 250;
/** A master that is started again is back long before; the run goes on in it. */
const SILENCE_MAX_MS = 60_000;
/** What a master that is not there just now fails with. */
const PASSING: ReadonlySet<string> = new Set(["rpc.unreachable", "rpc.deadline_exceeded", "cluster.no_node"]);

/** A master of this machine, or whoever `--node` names. */
export function askTasks<T>(choices: AskChoices, question: (client: TasksClient) => Promise<T>): Promise<Asked<T>> {
  const { timeoutMs } = choices;
  return askNode({ ...choices, access: "operate", commands: ["master"] }, (transport) =>
    question(createClient(tasksContract, transport, { clock: systemClock, timeoutMs })),
  );
}

/**
 * Looks until the run is over or the signal aborts; gives what it saw last. A master that is silent, or does not go on with the
 * run after a restart, is asked again for a minute.
 */
export async function followRun(
  choices: AskChoices,
  run: string,
  { saw, signal }: { readonly saw: (progress: RunProgress) => void; readonly signal: AbortSignal },
): Promise<RunProgress | undefined> {
  let heardMs = systemClock.monotonic();
  let last: RunProgress | undefined;
  const isLate = (): boolean => systemClock.monotonic() - heardMs > SILENCE_MAX_MS;
  while (!signal.aborted) {
    try {
      last = (await askTasks(choices, (client) => client.progress({ run }))).answer;
      saw(last);
      if (last.state === "running") heardMs = systemClock.monotonic();
      else if (last.state !== "interrupted" || isLate()) return last;
    } catch (thrown) {
      if (!PASSING.has(toFailure(thrown, "task.failed").code) || isLate()) throw thrown;
    }
    await pause(systemClock, LOOK_EVERY_MS, signal);
  }
  return last;
}

/** With so many of its tasks, asked for thousands at a time. */
export async function shownAtMaster(choices: AskChoices, run: string, tasksMax: number): Promise<RunAtMaster> {
  const { answer } = await askTasks(choices, async (client) => {
    const { run: shown } = await client.show({ run });
    const tasks: TaskLine[] = [];
    for (let total = tasksMax; tasks.length < Math.min(total, tasksMax); ) {
      const page = await client.tasks({ run, from: tasks.length });
      tasks.push(...page.tasks);
      total = page.tasks.length === 0 ? 0 : page.total;
    }
    return { ...shown, tasks };
  });
  return answer;
}

export async function taskAtMaster(choices: AskChoices, run: string, task: string): Promise<ShownTask> {
  const { answer } = await askTasks(choices, (client) => client.task({ run, task }));
  return answer.task as ShownTask; // its output is JSON: it came as such
}

/**
 * What can be done from the page, as plain data: what the dialog asks before, and which call is made then. The calls are methods of
 * contracts; what they refuse is shown as they say it. Pure.
 */

export interface Field {
  readonly name: string;
  readonly label: string;
  readonly hint?: string;
  readonly value?: string;
  readonly isRequired?: boolean;
  readonly lines?: number;
  /** Yes or no: `on`, or not there. */
  readonly isSwitch?: boolean;
}

export type FieldValues = Readonly<Record<string, string>>;

export interface Request {
  readonly contract: string;
  readonly method: string;
  readonly input: unknown;
}

export interface Action {
  readonly title: string;
  /** What will happen, in a sentence. */
  readonly text: string;
  readonly confirm: string;
  readonly isGrave?: boolean;
  readonly fields?: readonly Field[];
  /** What is told when it is done. */
  readonly done: string;
  /** Throws a FieldFault. */
  readonly request: (values: FieldValues) => Request;
}

/** A field that cannot be taken as it is. */
export class FieldFault extends Error {
  readonly field: string;
  constructor(field: string, message: string) {
    super(message);
    this.name = "FieldFault";
    this.field = field;
  }
}

interface Named {
  readonly id: string;
  readonly name: string;
}

export function pauseAction({ id, name }: Named): Action {
  return {
    title: `Pause ${name}?`,
    text: "It takes no more input, commits what is under way, and waits until it is resumed. Nothing is lost.",
    confirm: "Pause",
    done: `${name} pauses`,
    request: () => ({ contract: "pipelines", method: "pause", input: { pipeline: id } }),
  };
}

export function resumeAction({ id, name }: Named): Action {
  return {
    title: `Resume ${name}?`,
    text: "It goes on from its checkpoint.",
    confirm: "Resume",
    done: `${name} goes on`,
    request: () => ({ contract: "pipelines", method: "resume", input: { pipeline: id } }),
  };
}

export function drainAction(node: string, on: boolean): Action {
  return {
    title: on ? `Drain ${node}?` : `Let ${node} work again?`,
    text: on
      ? "It gets no new work, and what it has goes to other workers. The master remembers it over restarts."
      : "It gets work again, from the next batch on.",
    confirm: on ? "Drain" : "Work again",
    done: on ? `${node} drains` : `${node} works again`,
    request: () => ({ contract: "pipelines", method: "drain", input: { node, on } }),
  };
}

const LIBRARY: Field = {
  name: "library",
  label: "Plugin file",
  hint: "an absolute path on the machine that runs the pipeline",
  isRequired: true,
};
const PARAMS: Field = {
  name: "params",
  label: "Parameters",
  hint: "one name=value a line; those left out stay as they are",
  lines: 3,
};

const SWAP_TEXT =
  "The new plugin is loaded and tried before it takes over. One that does not load or fails its first batch changes nothing.";

export function swapStageAction(pipeline: Named, stage: string, library: string | undefined): Action {
  return {
    title: `Swap stage ${stage} of ${pipeline.name}`,
    text: SWAP_TEXT,
    confirm: "Swap",
    fields: [{ ...LIBRARY, ...(library !== undefined && { value: library }) }, PARAMS],
    done: `${stage} of ${pipeline.name} has another plugin`,
    request: (values) => ({
      contract: "pipelines",
      method: "swap",
      input: { pipeline: pipeline.id, stage, ...swapInput(values) },
    }),
  };
}

/** Of a pipeline that runs in a process of its own. */
export function swapInInstanceAction(pid: number, stage: string): Action {
  return {
    title: `Swap stage ${stage} of process ${pid}`,
    text: SWAP_TEXT,
    confirm: "Swap",
    fields: [LIBRARY, PARAMS],
    done: `${stage} has another plugin`,
    request: (values) => ({ contract: "instances", method: "swap", input: { pid, stage, ...swapInput(values) } }),
  };
}

export function restartAction(pid: number, path: string, shown: string): Action {
  return {
    title: `Restart ${shown}?`,
    text: "It is stopped with all below it and started again. Batches under way in it are done again.",
    confirm: "Restart",
    isGrave: true,
    done: `${shown} was restarted`,
    request: () => ({ contract: "instances", method: "restart", input: { pid, name: path } }),
  };
}

export function restartServiceAction(service: string): Action {
  return {
    title: `Restart service ${service}?`,
    text: "Its processes on this node are replaced; calls under way end first.",
    confirm: "Restart",
    done: `${service} was restarted`,
    request: () => ({ contract: "services", method: "restart", input: { service } }),
  };
}

export function replayAction(pipeline: string, letters: number): Action {
  return {
    title: `Replay dead letters of ${pipeline}?`,
    text: `${letters.toLocaleString("en-US")} letters run again, each from the stage that refused it on, as a pipeline of its own with an output of its own. What fails again becomes a dead letter of that one.`,
    confirm: "Replay",
    fields: [
      {
        name: "output",
        label: "Output file",
        hint: "an absolute path of a new file; beside the pipeline’s own output when left out",
      },
      { name: "purge", label: "Delete the letters when all has ended well", isSwitch: true },
    ],
    done: `dead letters of ${pipeline} are replayed`,
    request: ({ output = "", purge }) => ({
      contract: "dead_letters",
      method: "replay",
      input: {
        pipeline,
        ...(output.trim() !== "" && { output: absolute("output", output) }),
        ...(purge === "on" && { purge: true }),
      },
    }),
  };
}

function swapInput({ library = "", params = "" }: FieldValues): { library: string; params?: Record<string, string> } {
  const path = absolute("library", library);
  const parsed = parseParams(params);
  return { library: path, ...(Object.keys(parsed).length > 0 && { params: parsed }) };
}

/** `name=value` lines; empty lines are passed over. */
export function parseParams(text: string): Record<string, string> {
  const params: [string, string][] = [];
  for (const [index, line] of text.split("\n").entries()) {
    if (line.trim() === "") continue;
    const at = line.indexOf("=");
    const name = line.slice(0, at).trim();
    if (at < 0 || name === "")
      throw new FieldFault("params", `line ${index + 1} is “${line.trim()}”; name=value is required`);
    params.push([name, line.slice(at + 1).trim()]);
  }
  return Object.fromEntries(params);
}

function absolute(field: string, text: string): string {
  const path = text.trim();
  if (path.startsWith("/")) return path;
  throw new FieldFault(field, "an absolute path, such as /srv/pipelines/file, is required");
}

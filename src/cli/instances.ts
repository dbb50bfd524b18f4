/** What the commands that talk to running instances share: their flags, how these are read, and acting on a node of a tree. */
import type { ArgsDef } from "citty";
import type { Done } from "../app/control/operate.ts";
import type { Choices } from "../app/control/reach.ts";
import { Failure } from "../base/errors.ts";
import { printable } from "../base/printable.ts";
import { DURATION_FORM, parseDurationMs } from "../base/units.ts";
import { type Command, commonArgs, defineCommand, EXIT } from "./command.ts";
import { emitJson } from "./output.ts";

export const instanceArgs = {
  instance: { type: "string", valueHint: "PID", description: "only the instance that is this process" },
  timeout: { type: "string", valueHint: "TIME", default: "30s", description: "wait that long at most" },
  json: commonArgs.json,
  "data-dir": commonArgs["data-dir"],
} as const satisfies ArgsDef;

export interface InstanceFlags {
  readonly instance?: string | undefined;
  readonly timeout: string;
  readonly "data-dir"?: string | undefined;
}

export function choicesFrom({ instance, timeout, "data-dir": dataDir }: InstanceFlags): Choices {
  const timeoutMs = parseDurationMs(timeout);
  if (!timeoutMs)
    throw new Failure("usage.timeout", `--timeout is ${JSON.stringify(timeout)}; ${DURATION_FORM} is required`);
  if (instance !== undefined && !/^[1-9]\d{0,9}$/.test(instance)) {
    throw new Failure(
      "usage.instance",
      `--instance is ${JSON.stringify(instance)}; the number of a process is required`,
    );
  }
  return { dataDir, timeoutMs, instance: instance === undefined ? undefined : Number(instance) };
}

/** Each value of a flag that may be given several times; citty keeps the last one only. */
export function repeated(flag: string, words: readonly string[]): string[] {
  const end = words.indexOf("--");
  const typed = end < 0 ? words : words.slice(0, end);
  return typed.flatMap((word, at) => {
    if (word === flag) return [typed[at + 1] ?? ""];
    return word.startsWith(`${flag}=`) ? [word.slice(flag.length + 1)] : [];
  });
}

const nodeArgs = {
  name: { type: "positional", valueHint: "NAME", required: true, description: "a name, or the end of a path, from ps" },
  ...instanceArgs,
} as const satisfies ArgsDef;

export interface NodeCommand extends Pick<Command, "about" | "examples"> {
  /** Said of each path that was acted on. */
  readonly done: string;
  readonly act: (choices: Choices, name: string) => Promise<Done>;
}

/** A command that does one thing to one node of a running instance's tree. */
export function commandOnNode({ about, act, done, examples }: NodeCommand): Command<typeof nodeArgs> {
  return defineCommand({
    about,
    examples,
    args: nodeArgs,
    async run(args) {
      const report = await act(choicesFrom(args), args.name);
      if (args.json) await emitJson(report);
      else process.stderr.write(report.done.map((path) => `${done} ${printable(path)}\n`).join(""));
      return EXIT.done;
    },
  });
}

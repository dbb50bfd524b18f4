/** What the commands that talk to running instances share: their flags and how these are read. */
import type { ArgsDef } from "citty";
import type { Choices } from "../app/control/reach.ts";
import { Failure } from "../base/errors.ts";
import { DURATION_FORM, parseDurationMs } from "../base/units.ts";
import { commonArgs } from "./command.ts";

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

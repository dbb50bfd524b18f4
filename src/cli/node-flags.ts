/** What the commands that ask a running node share. */
import type { ArgsDef } from "citty";
import type { AskChoices } from "../app/node/ask-node.ts";
import { Failure } from "../base/errors.ts";
import { DURATION_FORM, parseDurationMs } from "../base/units.ts";
import { commonArgs } from "./command.ts";

export const nodeArgs = {
  node: {
    type: "string",
    valueHint: "HOST:PORT",
    description: "whom to ask (default: a node that runs on this machine)",
  },
  secrets: {
    type: "string",
    valueHint: "DIR",
    description: "keys and certificates made by init, where the node uses them",
  },
  timeout: { type: "string", valueHint: "TIME", default: "5s", description: "wait that long at most" },
  json: commonArgs.json,
  "data-dir": commonArgs["data-dir"],
} as const satisfies ArgsDef;

export interface NodeFlags {
  readonly node?: string | undefined;
  readonly secrets?: string | undefined;
  readonly timeout: string;
  readonly "data-dir"?: string | undefined;
}

export function askChoices({ node, secrets, timeout, "data-dir": dataDir }: NodeFlags): AskChoices {
  const timeoutMs = parseDurationMs(timeout);
  if (!timeoutMs) {
    throw new Failure("usage.timeout", `--timeout is ${JSON.stringify(timeout)}; ${DURATION_FORM} is required`);
  }
  return { node, secrets, dataDir, timeoutMs };
}

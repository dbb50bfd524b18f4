/** What the commands of the port mapper share: which one is meant. */
import type { ArgsDef } from "citty";
import type { PmdPlace } from "../app/pmd/open-pmd.ts";
import { Failure } from "../base/errors.ts";
import { commonArgs } from "./command.ts";

const PORT_DEFAULT = 4369;
const PORT_MAX = 65_535;

/** Not called `port`: the environment's DISTRIBUTED_SYSTEM_PORT is a node's. */
export const pmdArgs = {
  "pmd-port": {
    type: "string",
    alias: "port",
    valueHint: "PORT",
    description: `the port mapper's port (default: ${PORT_DEFAULT}; DISTRIBUTED_SYSTEM_PMD_PORT)`,
  },
  "data-dir": commonArgs["data-dir"],
} as const satisfies ArgsDef;

export interface PmdFlags {
  /** What was typed last; citty keeps an alias and its name apart. */
  readonly port?: unknown;
  readonly "pmd-port"?: string | undefined;
  readonly "data-dir"?: string | undefined;
}

/** Fails with `usage.port`. */
export function placeFrom({ port, "pmd-port": named, "data-dir": dataDir }: PmdFlags): PmdPlace {
  const text = typeof port === "string" ? port : named;
  if (text === undefined) return { port: PORT_DEFAULT, dataDir };
  const number = /^[1-9]\d{0,4}$/.test(text) ? Number(text) : Number.NaN;
  if (number <= PORT_MAX) return { port: number, dataDir };
  throw new Failure("usage.port", `--port is ${JSON.stringify(text)}; a number from 1 to ${PORT_MAX} is required`);
}

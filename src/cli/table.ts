/** The commands there are. A module is loaded when its command is used, so that `--version` and one command stay quick. */
import type { CommandTable } from "./command.ts";

export const commands: CommandTable = {
  run: { about: "run a pipeline file", load: async () => (await import("./commands/run.ts")).run },
  check: {
    about: "find every fault in a pipeline file",
    load: async () => (await import("./commands/check.ts")).check,
  },
  plugin: { about: "make, check and test plugins", load: async () => (await import("./commands/plugin.ts")).plugin },
  dlq: {
    about: "look at dead letters, replay or purge them",
    load: async () => (await import("./commands/dlq.ts")).dlq,
  },
  audit: { about: "verify audit files", load: async () => (await import("./commands/audit.ts")).audit },
};

/** `restart NAME`: ends a part of a running instance and starts it again. */
import { commandOnNode } from "../instances.ts";

export const restart = commandOnNode({
  about: "stop a part of a running instance and start it again; done when it serves",
  examples: ["restart validate", 'restart "validate/lane 0"', "restart /basic_pipeline/validate --json"],
  done: "restarted",
  act: async (choices, name) => (await import("../../app/control/operate.ts")).restartNamed(choices, name),
});

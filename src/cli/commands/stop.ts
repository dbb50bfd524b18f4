/** `stop NAME`: ends a part of a running instance, or all of it, in order. */
import { commandOnNode } from "../instances.ts";

export const stop = commandOnNode({
  about: "stop a part of a running instance; its pipeline's name ends the run in order, as Ctrl-C does",
  examples: ["stop basic_pipeline", "stop basic_pipeline/validate", 'stop "validate/lane 0" --timeout 5s --json'],
  done: "stopped",
  act: async (choices, name) => (await import("../../app/control/operate.ts")).stopNamed(choices, name),
});

/** A question by somebody who has the cluster's key, and with it may do all that admins may. */
import type { AskChoices } from "../node/ask-node.ts";

export function asAdmin(choices: AskChoices): AskChoices {
  return { ...choices, access: "admin" };
}

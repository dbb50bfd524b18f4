/** A question by somebody who has the cluster's key, and with it may do all that admins may. */
import type { AskChoices } from "../node/ask-node.ts";

/** Tokens under the cluster's key know it; other commands have no use for it. */
const ACCESS: string = "admin";

export function asAdmin(choices: AskChoices): AskChoices {
  return { ...choices, access: ACCESS as AskChoices["access"] }; // of the same tokens, with one word more
}

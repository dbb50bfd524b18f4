/**
 * Whose words count before anything is done about them: terms only rise, so a single message with a wild one, or one of a node that has
 * nothing to say in this group, must not raise it. It refuses no lies: a member that makes things up can break everything.
 */
import type { Core } from "./core.ts";
import type { NodeId, RaftMessage } from "./messages.ts";
import { TERM_JUMP_MAX } from "./options.ts";

/** Further than any group gets while a node is away. It is told, and not heard. */
export function isFarAhead(core: Core, from: NodeId, { term }: RaftMessage): boolean {
  if (term - core.term <= TERM_JUMP_MAX) return false;
  core.emit({ type: "suspicion", what: "term_far_ahead", from, said: term, known: core.term });
  return true;
}

/** In no configuration that may be in force, as far as is known here. The leader of this term may have left it just now. */
export function isFromStranger(core: Core, from: NodeId, message: RaftMessage): boolean {
  if (core.configurations.knows(from)) return false;
  return !(from === core.leader && message.term === core.term);
}

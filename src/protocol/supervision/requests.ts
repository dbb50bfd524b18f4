/** OTP's answers to requests that a supervisor does not carry out: a function of the child's state. */
import { type Child, isAlive } from "./child-table.ts";
import type { ChildRequest, ReplyResult } from "./messages.ts";

/** The answer to a request that changes nothing; undefined when it is to be carried out. */
export function refusalOf(
  type: ChildRequest["type"],
  child: Child | undefined,
  isSimple: boolean,
): ReplyResult | undefined {
  if (isSimple && (type === "restart_child" || type === "delete_child")) return "simple_one_for_one";
  if (type === "start_child") return child && (isAlive(child) ? "already_started" : "already_present");
  if (child === undefined) return "not_found";
  if (type === "terminate_child") return undefined;
  if (isAlive(child)) return "running";
  return child.state.kind === "gone" ? undefined : "restarting";
}

/** Of a child that is to be started it may not be a name yet: its spec is checked after this. */
export function idOf(input: ChildRequest): string {
  if (input.type !== "start_child") return input.id;
  return typeof input.child === "string" ? input.child : String(input.child?.id);
}

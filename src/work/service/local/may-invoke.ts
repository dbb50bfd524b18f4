/**
 * Whether a caller may call a method: checked where the method runs, so that no way in can forget it. Services and nodes of the cluster
 * may call what there is; who comes from outside may call public methods that its access or one of its scopes allows.
 */
import { Failure } from "../../../base/errors.ts";
import type { MethodDescription, ServiceCaller } from "../../../process/service/index.ts";
import { hasScope, refusalOfStranger } from "../words/index.ts";

const RANK: Readonly<Record<ServiceCaller["access"], number>> = { none: -1, read: 0, operate: 1, admin: 2, node: 3 };

/** Nothing when it may; the refusal otherwise. Who has no right to know learns no more than that. */
export function refusalOf(
  caller: ServiceCaller,
  service: string,
  name: string,
  { access, isPublic }: Pick<MethodDescription, "access" | "isPublic">,
): Failure | undefined {
  if (caller.kind !== "outside") return undefined;
  const title = `${service}.${name}`;
  const unseen = refusalOfStranger(caller, service, name);
  if (unseen) return unseen;
  if (!isPublic) return forbidden(`${title} is not public: services and nodes call it, nobody from outside`);
  if (RANK[caller.access] >= RANK[access]) return undefined;
  if (hasScope(caller, service, name)) return undefined;
  return forbidden(`${caller.name} may ${caller.access}; ${title} needs ${access}, or the scope ${title}`);
}

function forbidden(message: string): Failure {
  return new Failure("rpc.forbidden", message);
}

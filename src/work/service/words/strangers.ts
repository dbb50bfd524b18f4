/**
 * Callers from outside that have no role, only scopes. For what no scope of theirs names they get one answer, whether it exists or not,
 * and nobody tells them what else there is.
 */
import { Failure } from "../../../base/errors.ts";
import type { ServiceCaller, ServiceDescription } from "../../../process/service/index.ts";

/** Names in one message. */
const TOLD_MAX = 50;

export function isStranger({ access, kind }: ServiceCaller): boolean {
  return kind === "outside" && access === "none";
}

/** A scope names everything, the service, or this method of it. */
export function hasScope({ scopes }: ServiceCaller, service: string, method: string): boolean {
  return scopes.some((scope) => scope === "*" || scope === service || scope === `${service}.${method}`);
}

/** Nothing when it may know whether that is there. */
export function refusalOfStranger(caller: ServiceCaller, service: string, method: string): Failure | undefined {
  if (!isStranger(caller) || hasScope(caller, service, method)) return undefined;
  const title = `${service}.${method}`;
  return new Failure(
    "rpc.forbidden",
    `${caller.name} may not call ${title}: a role, or the scope ${title}, is required`,
  );
}

/** The end of a message about a method that is not there: what there is, as far as the caller may know. */
export function methodsTold(caller: ServiceCaller, { methods }: Pick<ServiceDescription, "methods">): string {
  if (isStranger(caller)) return "";
  const told = Object.entries(methods).filter(([, { isPublic }]) => isPublic || caller.kind !== "outside");
  const names = told.slice(0, TOLD_MAX).map(([name]) => name);
  return names.length === 0 ? "" : `; it has ${names.join(", ")}`;
}

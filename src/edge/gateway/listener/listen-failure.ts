/** Why a port cannot be listened on, in words: what the system says is a code. */
import { Failure, messageOf } from "../../../base/errors.ts";

const WHY: Readonly<Record<string, string>> = {
  EADDRINUSE: "somebody else listens there; another port is required",
  EADDRNOTAVAIL: "that is no address of this machine; one of it is required",
  ENOTFOUND: "that is no address of this machine; one of it is required",
  EACCES: "this user may not; a port above 1023 is required",
};

export function listenFailure(host: string, port: number, thrown: unknown): Failure {
  const { code } = thrown as { readonly code?: unknown }; // of the system, where it has one
  const known = typeof code === "string" && Object.hasOwn(WHY, code) ? WHY[code] : undefined;
  const why = known ?? `${messageOf(thrown)}; a free address of this machine is required`;
  return new Failure("gateway.listen_failed", `listening on ${host}:${port} failed: ${why}`, { cause: thrown });
}

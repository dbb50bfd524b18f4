/** Which service is meant by `users`, `users@1` or `users@1.2.0`; and by the name of its file, for one that has never said what it is. */
import { basename, dirname } from "node:path";
import { Failure } from "../../../base/errors.ts";
import { nearMiss } from "../../../base/near-miss.ts";
import { notFound } from "./refusals.ts";
import type { ServiceUnit } from "./service-unit.ts";

/** Fails with `service.not_found` or `service.ambiguous`. */
export function unitNamed(units: readonly ServiceUnit[], wanted: string): ServiceUnit {
  const [name = "", version] = wanted.split("@", 2);
  const named = units.filter(
    ({ description }) => description?.name === name && (version === undefined || fits(description.version, version)),
  );
  const found = named.length > 0 ? named : units.filter(({ home }) => stemOf(home) === wanted || home.file === wanted);
  if (found.length === 1) return found[0]!;
  if (found.length > 1) {
    const labels = found.map(({ label }) => label).join(", ");
    throw new Failure(
      "service.ambiguous",
      `several services are ${JSON.stringify(wanted)}: ${labels}; one is required`,
    );
  }
  const known = units.map(({ description, home }) => description?.name ?? stemOf(home));
  const near = nearMiss(name, known);
  const hint = near === undefined ? `here are ${known.slice(0, 20).join(", ") || "none"}` : `did you mean ${near}?`;
  throw notFound(`no service of this node is ${JSON.stringify(wanted)}; ${hint}`);
}

function fits(version: string, wanted: string): boolean {
  return version === wanted || version.startsWith(`${wanted}.`);
}

/** `services/users/main.ts` and `services/users.ts` are both `users`. */
function stemOf({ file, root }: { readonly file: string; readonly root?: string }): string {
  return root === undefined ? basename(file).replace(/\.[tj]s$/, "") : basename(dirname(file));
}

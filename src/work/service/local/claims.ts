/** Which file is which version of which service: one file each, known before its first process is initialised. */
import type { ServiceDescription } from "../../../process/service/index.ts";
import { labelOf } from "./deployment.ts";
import { duplicate, reservedName } from "./refusals.ts";
import type { ServiceUnit } from "./service-unit.ts";

export class Claims {
  readonly #reserved: ReadonlySet<string>;
  readonly #owners = new Map<string, ServiceUnit>();

  constructor(reserved: readonly string[]) {
    this.#reserved = new Set(reserved);
  }

  /** Fails with `service.reserved` and `service.duplicate`. */
  claim(unit: ServiceUnit, description: ServiceDescription): void {
    const label = labelOf(description);
    if (this.#reserved.has(description.name)) throw reservedName(description.name, unit.home.file);
    const owner = this.#owners.get(label);
    if (owner && owner !== unit) throw duplicate(label, unit.home.file, owner.home.file);
    this.#owners.set(label, unit);
  }

  /** Gives up all that the unit has claimed but this; true when somebody else may have it now. */
  keep(unit: ServiceUnit, description: ServiceDescription | undefined): boolean {
    const kept = description && labelOf(description);
    const given = [...this.#owners].filter(([label, owner]) => owner === unit && label !== kept);
    for (const [label] of given) this.#owners.delete(label);
    return given.length > 0;
  }
}

/** What a node offers at this moment, and who hears of changes: at once, and only when something is different for callers. */
import type { ServiceOffer } from "../words/index.ts";
import type { ServiceUnit } from "./service-unit.ts";

export class Offered {
  readonly #hearers = new Set<() => void>();
  #byName: ReadonlyMap<string, ReadonlyMap<string, ServiceUnit>> = new Map();
  #offers: readonly ServiceOffer[] = [];

  get offers(): readonly ServiceOffer[] {
    return this.#offers;
  }

  find(name: string, version: string): ServiceUnit | undefined {
    return this.#byName.get(name)?.get(version);
  }

  onChange(hear: () => void): () => void {
    this.#hearers.add(hear);
    return () => this.#hearers.delete(hear);
  }

  update(units: Iterable<ServiceUnit>): void {
    const byName = new Map<string, Map<string, ServiceUnit>>();
    const offers: ServiceOffer[] = [];
    for (const unit of units) {
      const { description, healthy } = unit;
      if (!description) continue;
      const { name, version } = description;
      const versions = byName.get(name) ?? new Map<string, ServiceUnit>();
      byName.set(name, versions.set(version, unit));
      offers.push({ description, healthy });
    }
    this.#byName = byName;
    if (isSame(offers, this.#offers)) return;
    this.#offers = offers;
    for (const hear of this.#hearers) hear();
  }
}

function isSame(left: readonly ServiceOffer[], right: readonly ServiceOffer[]): boolean {
  return (
    left.length === right.length &&
    left.every((offer, at) => offer.description === right[at]!.description && offer.healthy === right[at]!.healthy)
  );
}

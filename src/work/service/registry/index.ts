/** Who offers which services, in the whole cluster. */
export { Catalogue, hasTags, isCallable, type Route } from "./catalogue.ts";
export { DIGEST_INTERVAL_MS, OFFERS_BYTES_MAX } from "./limits.ts";
export { faultOfDescription } from "./offers-form.ts";
export type { OffersLink, RegistryPorts } from "./ports.ts";
export { OFFERS_TOPIC, type RegistryCounts, ServiceRegistry } from "./registry.ts";
export { OffersTable, type Place } from "./table.ts";
export { comparePreference, fits, isVersion, readSelector, type Selector } from "./versions.ts";

/** Files of one machine on another: packed by content, offered, fetched, checked and cached. */
export { CACHE_BYTES_MAX, CHUNK_BYTES_MAX, SHELF_BYTES_MAX } from "./limits.ts";
export { type ArtifactLink, artifactHandlers, BLOB_TOPIC, fetchOverLink, MANIFEST_TOPIC } from "./link.ts";
export { type BundleFile, type Manifest, makeManifest, parseManifest } from "./manifest.ts";
export { type Bundle, packFile, packPlugin } from "./pack.ts";
export {
  type BundleRef,
  bundleRefs,
  type FilePlace,
  type FilePlan,
  type PlanSchemas,
  relocate,
} from "./plan-files.ts";
export { ArtifactShelf, type Registration, type ShelfOptions } from "./shelf.ts";
export { type SettledPlan, type ShelvedPlan, type ShippedFile, settlePlan, shelvePlan } from "./ship.ts";
export type { ArtifactSource, ReadOptions } from "./source.ts";
export { ArtifactStore, type InstalledBundle, type StoreOptions } from "./store.ts";

/** The files that a prepared pipeline needs on masters and workers: its plugins, with what they import, and files that parameters name. */
import { type Bundle, bundleRefs, type Manifest, packFile, packPlugin } from "../../../work/artifact/index.ts";
import type { PreparedPipeline } from "../../prepare-pipeline.ts";

export interface BundleAt {
  /** Absolute: where it was found. */
  readonly path: string;
  readonly isPlugin: boolean;
  /** Left out where it is not kept. */
  readonly manifest?: Manifest;
}

/** Each path once. Fails as packing does. */
export async function bundlesOf(
  prepared: PreparedPipeline,
): Promise<readonly (BundleAt & { readonly bundle: Bundle })[]> {
  const { file, resolvePath, schemas, stages } = prepared;
  const refs = stages.flatMap((plan) => bundleRefs(plan, schemas.get(plan.name) ?? { params: {} }));
  const balancer = file.settings.balancer_library;
  const found = balancer === undefined ? undefined : resolvePath(balancer, "present");
  const places = new Map(refs.map(({ kind, path }) => [path, kind === "plugin"]));
  if (found !== undefined) places.set(found, true);
  const bundles: (BundleAt & { readonly bundle: Bundle })[] = [];
  for (const [path, isPlugin] of places) bundles.push({ path, isPlugin, bundle: await bundleAt({ path, isPlugin }) });
  return bundles;
}

export function bundleAt({ isPlugin, path }: BundleAt): Promise<Bundle> {
  return isPlugin ? packPlugin(path) : packFile(path);
}

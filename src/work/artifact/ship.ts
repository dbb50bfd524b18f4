/** Plans with their files, from a master's shelf to a worker's store: what is packed on one side is found on the other. */

import { packFile, packPlugin } from "./pack.ts";
import { bundleRefs, type FilePlace, type FilePlan, type PlanSchemas, relocate } from "./plan-files.ts";
import type { ArtifactShelf, Registration } from "./shelf.ts";
import type { ArtifactSource, ReadOptions } from "./source.ts";
import type { ArtifactStore, InstalledBundle } from "./store.ts";

/** One of a plan's files: which bundle goes where. Plain data, to travel with the plan. */
export interface ShippedFile {
  readonly place: FilePlace;
  readonly id: string;
}

export interface ShelvedPlan {
  readonly files: readonly ShippedFile[];
  /** When nobody is going to start this plan any more. */
  withdraw(): Promise<void>;
}

export interface SettledPlan<P> extends Disposable {
  readonly plan: P;
  /** When no process of this plan will be started any more. */
  release(): void;
}

/** At the master: packs and offers each file of the plan. Fails as packing and `ArtifactShelf.register` do. */
export async function shelvePlan(plan: FilePlan, schemas: PlanSchemas, shelf: ArtifactShelf): Promise<ShelvedPlan> {
  const registrations: Registration[] = [];
  const withdraw = async (): Promise<void> => {
    for (const registration of registrations) await registration.withdraw();
  };
  try {
    const files: ShippedFile[] = [];
    for (const { kind, path, place } of bundleRefs(plan, schemas)) {
      const bundle = kind === "plugin" ? await packPlugin(path) : await packFile(path);
      const registration = await shelf.register(bundle);
      registrations.push(registration);
      files.push({ place, id: registration.id });
    }
    return { files, withdraw };
  } catch (thrown) {
    await withdraw();
    throw thrown;
  }
}

/** At the worker: the plan with paths of this machine. Fails as `ArtifactStore.ensure` does. */
export async function settlePlan<P extends FilePlan>(
  plan: P,
  files: readonly ShippedFile[],
  store: ArtifactStore,
  source: ArtifactSource,
  options: ReadOptions = {},
): Promise<SettledPlan<P>> {
  const held: InstalledBundle[] = [];
  const release = (): void => {
    for (const bundle of held) bundle.release();
  };
  try {
    for (const { id } of files) held.push(await store.ensureId(id, source, options));
    const moves = files.map(({ place }, at) => ({ place, path: held[at]!.entryPath }));
    return { plan: relocate(plan, moves), release, [Symbol.dispose]: release };
  } catch (thrown) {
    release();
    throw thrown;
  }
}

/**
 * The files of a pipeline's stages on the shelf, as they were when the pipeline was prepared: every life of its run gets the same,
 * though somebody may edit a plugin meanwhile. What is edited counts when the file is submitted again.
 */
import { messageOf } from "../../base/errors.ts";
import { type ArtifactShelf, shelvePlan } from "../../work/artifact/index.ts";
import type { PreparedPipeline } from "../prepare-pipeline.ts";

type Plan = PreparedPipeline["stages"][number];
type Shelved = Awaited<ReturnType<typeof shelvePlan>>;

export class ShelvedStages {
  readonly prepared: PreparedPipeline;
  readonly #shelf: ArtifactShelf;
  readonly #shelved = new Map<Plan, Promise<Shelved>>();

  constructor(prepared: PreparedPipeline, shelf: ArtifactShelf) {
    this.prepared = prepared;
    this.#shelf = shelf;
  }

  /** The stage with all that a worker needs to run it. Fails as packing does; the next one who asks tries again. */
  async pack(plan: Plan) {
    const { schemas } = this.prepared;
    const shelved = this.#shelved.get(plan) ?? shelvePlan(plan, schemas.get(plan.name) ?? { params: {} }, this.#shelf);
    this.#shelved.set(plan, shelved);
    try {
      return { plan, files: (await shelved).files };
    } catch (thrown) {
      this.#shelved.delete(plan);
      throw thrown;
    }
  }

  /** Nobody starts these stages any more. Never rejects. */
  async close(tell: (text: string) => void): Promise<void> {
    for (const shelved of this.#shelved.values()) {
      try {
        await (await shelved).withdraw();
      } catch (thrown) {
        tell(`files stay on the shelf: ${messageOf(thrown)}`);
      }
    }
    this.#shelved.clear();
  }
}

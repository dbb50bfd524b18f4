import { describe, expect, test } from "bun:test";
import { ShelvedStages } from "../../../../src/app/master/shelved-stages.ts";
import type { PreparedPipeline } from "../../../../src/app/prepare-pipeline.ts";
import { ArtifactShelf } from "../../../../src/work/artifact/index.ts";
import { Workspace } from "../../../support/workspace.ts";
import { planOf } from "../../work/pipeline/dispatch/plans.ts";

describe("ShelvedStages", () => {
  test("pack() gives the files as they were at first when a plugin is edited meanwhile, until it is closed", async () => {
    using space = new Workspace();
    await using shelf = await ArtifactShelf.open(space.at("shelves"));
    const plan = planOf("a", { library: space.write("a.ts", "export default 1;\n") });
    const prepared = { schemas: new Map() } as unknown as PreparedPipeline; // no more is looked at
    const idsOf = async (stages: ShelvedStages) => (await stages.pack(plan)).files.map(({ id }) => id);
    const said: string[] = [];
    const stages = new ShelvedStages(prepared, shelf);
    const before = await idsOf(stages);
    space.write("a.ts", "export default 2;\n");
    expect(await idsOf(stages)).toEqual(before);
    await stages.close((text) => said.push(text));
    await expect(shelf.manifest(before[0]!)).rejects.toThrow(expect.objectContaining({ code: "artifact.unknown" }));
    const again = new ShelvedStages(prepared, shelf);
    expect(await idsOf(again)).not.toEqual(before);
    await again.close((text) => said.push(text));
    expect(said).toEqual([]);
  });

  test("pack() tries again when a plugin was not there", async () => {
    using space = new Workspace();
    await using shelf = await ArtifactShelf.open(space.at("shelves"));
    const plan = planOf("a", { library: space.at("a.ts") });
    const stages = new ShelvedStages({ schemas: new Map() } as unknown as PreparedPipeline, shelf); // no more is looked at
    await expect(stages.pack(plan)).rejects.toThrow();
    space.write("a.ts", "export default 1;\n");
    expect((await stages.pack(plan)).files).toHaveLength(1);
    await stages.close(() => {});
  });
});

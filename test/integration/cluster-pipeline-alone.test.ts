/**
 * A worker needs only the executable: it has a data directory of its own, works in another directory, and in a mount namespace of
 * its own it cannot even see the files of the pipeline. All that plugins read comes from the master.
 */
import { expect, test } from "bun:test";
import { spawnSync } from "node:child_process";
import { cpSync, mkdirSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { PipelineCluster } from "../support/pipeline-cluster.ts";
import { Workspace } from "../support/workspace.ts";

const ROOT = join(import.meta.dir, "../..");

/** Everything below the path is hidden from the command behind these words. */
function blindTo(path: string): readonly string[] {
  return ["unshare", "--mount", "sh", "-c", 'mount -t tmpfs none "$0" && exec "$@"', path];
}

const canHide = ((): boolean => {
  using space = new Workspace();
  return spawnSync(blindTo(space.path)[0]!, [...blindTo(space.path).slice(1), "true"]).status === 0;
})();
if (!canHide) console.error("cluster-pipeline-alone is skipped: no mount namespace can be made here");

/** The project's sample with its plugins, its tables and its schema. */
function sampleIn(folder: string): void {
  cpSync(join(ROOT, "config"), join(folder, "config"), { recursive: true });
  mkdirSync(join(folder, "plugins"));
  for (const name of readdirSync(join(ROOT, "plugins")).filter((each) => each.endsWith(".js")))
    cpSync(join(ROOT, "plugins", name), join(folder, "plugins", name));
}

test.skipIf(!canHide)("a worker that sees nothing of the pipeline's files does all of it", async () => {
  await using cluster = new PipelineCluster();
  const { space } = cluster;
  const files = space.at("files");
  sampleIn(files);
  const secrets = space.at("secrets");
  const certificates = ["--node", "master=127.0.0.1", "--node", "stranger=127.0.0.1"];
  expect((await space.exec(["init", secrets, ...certificates])).code).toBe(0);
  await cluster.master({ cwd: files, args: ["--secrets", secrets] });
  const elsewhere = { dataDir: space.at("stranger-state"), cwd: space.path, within: blindTo(files) };
  await cluster.worker("stranger", { ...elsewhere, args: ["--secrets", secrets] });
  await cluster.tell("submit", join(files, "config/basic_pipeline.txt"));
  const { id } = await cluster.untilState("basic_pipeline", "ended");

  using reference = new Workspace();
  sampleIn(reference.path);
  expect((await reference.exec(["run", "config/basic_pipeline.txt"])).code).toBe(0);
  const written = readFileSync(join(files, "output/orders.ndjson"));
  expect(written.equals(readFileSync(reference.at("output/orders.ndjson")))).toBe(true);
  expect(space.exists("output")).toBe(false); // what a plugin writes is where the pipeline says, not where its worker runs
  const { nodes } = await cluster.report(id);
  expect(nodes.map(({ node }) => node)).toEqual(["stranger"]);
});

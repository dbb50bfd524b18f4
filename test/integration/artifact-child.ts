/**
 * A child of artifact-store.test.ts, with a store of its own on the directory given. `fetch`: gets one bundle and says `piece`
 * for each piece it is given; it waits for a line before it takes the next. `churn`: gets bundle after bundle, more than the
 * store may keep, looks at each, and says how many were right.
 */
import { readFileSync } from "node:fs";
import { systemClock } from "../../src/base/clock.ts";
import { Failure } from "../../src/base/errors.ts";
import { seededRandom } from "../../src/base/random.ts";
import { type ArtifactSource, ArtifactStore } from "../../src/work/artifact/index.ts";
import { churned, LARGE } from "../support/artifacts.ts";

const [order = "", directory = "", seed = "1"] = process.argv.slice(2);

async function fetchSlowly(): Promise<void> {
  const lines = console[Symbol.asyncIterator]();
  const store = await ArtifactStore.open(directory);
  const slow: ArtifactSource = {
    manifest: async () => LARGE.manifest,
    async read(hash, offset, length) {
      console.log("piece");
      await lines.next();
      return LARGE.source.read(hash, offset, length);
    },
  };
  const { entryPath } = await store.ensure(LARGE.manifest, slow);
  console.log(entryPath);
  await lines.next(); // it lives, and uses the bundle
}

async function churn(): Promise<void> {
  const random = seededRandom(Number(seed));
  const { bundles, bytesMax, rounds } = churned();
  const store = await ArtifactStore.open(directory, { bytesMax });
  let right = 0;
  for (let round = 0; round < rounds; round++) {
    const { manifest, source, text } = bundles[random.below(bundles.length)]!;
    try {
      using bundle = await store.ensure(manifest, source);
      await new Promise<void>((resolve) => systemClock.after(random.below(3), resolve)); // others evict meanwhile
      if (
        manifest.files.every(
          ({ path }) => readFileSync(bundle.entryPath.replace("index.ts", path), "utf8") === text(path),
        )
      )
        right += 1;
    } catch (thrown) {
      if (!(thrown instanceof Failure && thrown.code === "artifact.no_room")) throw thrown;
      right += 1; // all is in use by the others: it is said, and nothing is taken away
    }
  }
  await store.close();
  console.log(right);
}

await (order === "fetch" ? fetchSlowly() : churn());

/** One cache and several processes: killed while they fetch, and all at once. */
import { describe, expect, test } from "bun:test";
import { existsSync, readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { ArtifactStore } from "../../src/work/artifact/index.ts";
import { churned, LARGE, type MadeBundle } from "../support/artifacts.ts";
import { until } from "../support/until.ts";
import { Workspace } from "../support/workspace.ts";

const CHILD = join(import.meta.dir, "artifact-child.ts");

class Child implements AsyncDisposable {
  readonly lines: string[] = [];
  readonly #child: Bun.Subprocess<"pipe", "pipe", "pipe">;
  stderr = "";

  constructor(...args: readonly string[]) {
    const stdio = { stdin: "pipe", stdout: "pipe", stderr: "pipe" } as const;
    this.#child = Bun.spawn([process.execPath, CHILD, ...args], { ...stdio, env: { PATH: process.env.PATH ?? "" } });
    void this.#read();
  }

  get exited(): Promise<number> {
    return this.#child.exited;
  }

  async says(count: number): Promise<void> {
    await until(`the child has said ${count} lines; it said ${this.stderr}`, () => this.lines.length >= count);
  }

  goOn(): void {
    this.#child.stdin.write("go on\n");
    this.#child.stdin.flush();
  }

  async kill(): Promise<void> {
    this.#child.kill("SIGKILL");
    await this.#child.exited;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.kill();
  }

  async #read(): Promise<void> {
    void new Response(this.#child.stderr).text().then((text) => {
      this.stderr = text;
    });
    let rest = "";
    for await (const chunk of this.#child.stdout.pipeThrough(new TextDecoderStream())) {
      const lines = (rest + chunk).split("\n");
      rest = lines.pop()!;
      this.lines.push(...lines);
    }
  }
}

describe("ArtifactStore in several processes", () => {
  const [large, small] = [LARGE, churned().bundles[0]!];
  const treeOf = (cache: string): string => join(cache, "bundles", large.manifest.id);

  test("a fetch that is killed (-9) half way leaves nothing that is used, and nothing behind", async () => {
    using space = new Workspace();
    const cache = space.at("cache");
    await using child = new Child("fetch", cache);
    for (const count of [1, 2, 3]) {
      await child.says(count);
      if (count < 3) child.goOn();
    }
    await child.kill();
    expect(readdirSync(join(cache, "tmp"))).toHaveLength(1); // what had come
    expect(readdirSync(join(cache, "blobs"))).toEqual([]);
    expect(readdirSync(treeOf(cache))).toEqual([]);
    await using store = await ArtifactStore.open(cache);
    expect(readdirSync(join(cache, "tmp"))).toEqual([]);
    using bundle = await store.ensure(large.manifest, large.source);
    expect(await Bun.file(bundle.entryPath).text()).toBe(large.text("table.csv"));
  });

  test("what a killed process had in use can be evicted, what a living one has cannot", async () => {
    using space = new Workspace();
    const cache = space.at("cache");
    await using child = new Child("fetch", cache);
    for (const count of [1, 2, 3]) {
      await child.says(count);
      child.goOn();
    }
    await child.says(4);
    expect(child.lines.at(-1)).toBe(join(treeOf(cache), "table.csv"));
    await using store = await ArtifactStore.open(cache, { bytesMax: 2 * totalOf(large) });
    const refused = store.ensure(small.manifest, small.source);
    expect(await refused.catch(({ code }: { code: string }) => code)).toBe("artifact.no_room");
    expect(existsSync(treeOf(cache))).toBe(true);
    await child.kill();
    using _bundle = await store.ensure(small.manifest, small.source);
    expect(existsSync(treeOf(cache))).toBe(false);
  });

  test("processes that fetch and evict at once find each bundle right while they use it", async () => {
    using space = new Workspace();
    const cache = space.at("cache");
    await using one = new Child("churn", cache, "1");
    await using two = new Child("churn", cache, "2");
    await using three = new Child("churn", cache, "3");
    for (const child of [one, two, three]) {
      const code = await child.exited;
      await until("its output has been read", () => code !== 0 || child.lines.length > 0);
      expect([code, child.lines, child.stderr]).toEqual([0, [String(churned().rounds)], ""]);
    }
    expect(bytesBelow(join(cache, "bundles")) + bytesBelow(join(cache, "blobs"))).toBeLessThanOrEqual(
      churned().bytesMax,
    );
    expect(readdirSync(join(cache, "holders"))).toEqual([]);
    await using _store = await ArtifactStore.open(cache);
    expect(readdirSync(join(cache, "tmp"))).toEqual([]);
  });
});

function totalOf({ manifest }: MadeBundle): number {
  return manifest.files.reduce((sum, { bytes }) => sum + bytes, 0);
}

function bytesBelow(folder: string): number {
  const found = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  return found.reduce((sum, { name, parentPath }) => sum + statSync(join(parentPath, name)).size, 0);
}

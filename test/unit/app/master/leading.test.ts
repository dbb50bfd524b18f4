/** Taking up and laying down: what goes on under whoever leads next, and what nobody hears of any more. */
import { describe, expect, test } from "bun:test";
import { rmSync } from "node:fs";
import { Leading, type LeadingPorts } from "../../../../src/app/master/leading.ts";
import { systemClock } from "../../../../src/base/clock.ts";
import type { Logger } from "../../../../src/base/log.ts";
import { ArtifactShelf } from "../../../../src/work/artifact/index.ts";
import { MemoryKept } from "../../../support/kept-state.ts";
import { perRecord } from "../../../support/plugins.ts";
import { until } from "../../../support/until.ts";
import { Workspace } from "../../../support/workspace.ts";

class Rig implements AsyncDisposable {
  readonly space = new Workspace();
  readonly kept = new MemoryKept();
  readonly deposed: string[] = [];
  readonly logged: string[] = [];
  readonly states: string[] = [];
  readonly #shelves: ArtifactShelf[] = [];
  readonly #lives: Leading[] = [];

  /** On a machine of its own; there are no workers. */
  async takeUp(machine: string): Promise<Leading> {
    const shelf = await ArtifactShelf.open(this.space.at(machine, "shelves"));
    this.#shelves.push(shelf);
    const log = (text: string): void => void this.logged.push(text);
    const ports: LeadingPorts = {
      ...{ id: machine, dataDir: this.space.at(machine), instance: `${machine}-${this.#lives.length}`, shelf },
      ...{ clock: systemClock, logger: { info: log, warn: log, error: log, debug: log } as unknown as Logger },
      ...{ dispatched: () => {}, changed: ({ state }, isNews) => void (isNews && this.states.push(state)) },
      deposed: (reason) => this.deposed.push(reason),
    };
    const membership = { self: { id: machine }, members: () => [], on: () => () => {} };
    const leading = await Leading.takeUp(this.kept, { membership, links: {} } as never, ports); // nobody is there
    this.#lives.push(leading);
    return leading;
  }

  pipeline(): string {
    this.space.write("in.ndjson", "{}\n");
    this.space.write("stage.ts", perRecord(""));
    const lines = ["in|source:ndjson|path=in.ndjson", "stage|stage.ts", "out|sink:ndjson|path=out.ndjson", ""];
    return this.space.write("p.txt", lines.join("\n"));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const leading of this.#lives) await leading.layDown("the test ends");
    for (const shelf of this.#shelves) await shelf[Symbol.asyncDispose]();
    this.space[Symbol.dispose]();
  }
}

/** It has begun its run: its checkpoint is kept. */
function hasBegun(kept: MemoryKept): boolean {
  return [...kept.values.keys()].some((key) => key.startsWith("checkpoints/"));
}

describe("takeUp()", () => {
  test("goes on with what another master had, on another machine without its files", async () => {
    await using rig = new Rig();
    const first = await rig.takeUp("m1");
    const { entry } = await first.pipelines.submit({ path: rig.pipeline() });
    await until("it has begun", () => first.pipelines.find("p").entry.run !== undefined);
    await first.tasks.run({ path: rig.space.write("g.json", GRAPH) });
    await first.layDown("killed");
    for (const name of ["p.txt", "stage.ts"]) rmSync(rig.space.at(name));
    const next = await rig.takeUp("m2");
    const pipeline = next.pipelines.find(entry.id);
    expect(pipeline.entry).toMatchObject({ id: entry.id, state: "running", run: first.pipelines.find("p").entry.run });
    await until("it waits for workers", () => pipeline.tree() !== undefined);
    expect(pipeline.view().detail).toBeUndefined();
    const [run] = next.tasks.remembered.store.runs(9);
    expect(next.tasks.progress(run!.id)).toMatchObject({ name: "g", total: 1 });
  });

  test("leaves paused what was paused, and drains whom it was told to", async () => {
    await using rig = new Rig();
    const first = await rig.takeUp("m1");
    await first.pipelines.submit({ path: rig.pipeline() });
    await first.pipelines.pause("p");
    await first.layDown("killed");
    const next = await rig.takeUp("m2");
    expect(next.pipelines.find("p").view().state).toBe("paused");
    await next.pipelines.cancel("p");
    await next.layDown("killed");
    expect((await rig.takeUp("m1")).pipelines.find("p").view().state).toBe("cancelled");
  });
});

describe("layDown()", () => {
  test("at once writes nothing more, ends all that runs, and leaves it to the next one", async () => {
    await using rig = new Rig();
    const leading = await rig.takeUp("m1");
    await leading.pipelines.submit({ path: rig.pipeline() });
    await until("it has begun", () => hasBegun(rig.kept));
    const { length: writes } = rig.kept.writes;
    const states = [...rig.states];
    await leading.layDown("another master leads");
    expect(rig.kept.writes.length).toBe(writes);
    expect(rig.states).toEqual(states);
    expect(leading.trees()).toEqual([]);
    const next = await rig.takeUp("m1"); // its locks are free
    await until("it has begun again", () => next.pipelines.find("p").tree() !== undefined);
  });

  test("in order lets what is under way come to its end, and stores how it is", async () => {
    await using rig = new Rig();
    const leading = await rig.takeUp("m1");
    await leading.pipelines.submit({ path: rig.pipeline() });
    await until("it has begun", () => hasBegun(rig.kept));
    await leading.layDown("the master ends", { drainMs: 10_000 });
    expect(rig.logged.filter((text) => text.includes("batches under way"))).toEqual([]);
    const next = await rig.takeUp("m1");
    expect(next.pipelines.find("p").entry.state).toBe("running");
    const report = next.services.find(({ contract }) => contract.name === "reports")!;
    expect(await report.handlers.show!({ report: "p" }, undefined as never)).toMatchObject({
      report: { state: "running" },
    });
  });

  test("a write that comes too late ends a pipeline without a word, and is told once", async () => {
    await using rig = new Rig();
    const leading = await rig.takeUp("m1");
    rig.kept.hold();
    const submitted = leading.pipelines.submit({ path: rig.pipeline() });
    submitted.catch(() => {});
    rig.kept.depose();
    rig.kept.release();
    await expect(submitted).rejects.toMatchObject({ code: "master.deposed" });
    await until("it is told", () => rig.deposed.length > 0);
    await leading.layDown("deposed");
    expect(rig.deposed).toEqual(["another master leads"]);
    expect(rig.states.filter((state) => state === "failed")).toEqual([]);
    expect(rig.kept.writes).toEqual([]);
  });
});

const GRAPH = JSON.stringify({ name: "g", tasks: [{ id: "a", type: "GET", url: "http://127.0.0.1/" }] });

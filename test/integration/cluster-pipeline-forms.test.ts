/** The commands of the documents as they are written there: master, coordinator, worker and any name for one; and what is none. */
import { describe, expect, test } from "bun:test";
import { cpSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { freePort } from "../support/free-port.ts";
import { TestNode } from "../support/nodes.ts";
import { until } from "../support/until.ts";
import { Workspace } from "../support/workspace.ts";

const ROOT = join(import.meta.dir, "../..");

/** The project's sample pipeline with all its plugins, in a directory of its own. */
function sample(): Workspace {
  const space = new Workspace();
  cpSync(join(ROOT, "config"), space.at("config"), { recursive: true });
  for (const name of readdirSync(join(ROOT, "plugins")).filter((each) => each.endsWith(".js")))
    cpSync(join(ROOT, "plugins", name), space.at("plugins", name));
  return space;
}

function bytesOf(space: Workspace): Buffer {
  return readFileSync(space.at("output/orders.ndjson"));
}

describe("the documents' forms", () => {
  test("master HOST PORT --config FILE and worker1 HOST PORT HOST PORT write byte for byte what run writes", async () => {
    using reference = sample();
    expect((await reference.exec(["run", "config/basic_pipeline.txt"])).code).toBe(0);

    using space = sample();
    const port = String(await freePort());
    const started = ["127.0.0.1", port, "--config", "config/basic_pipeline.txt", "--fresh", "--until-done"];
    const options = { cwd: space.path, dataDir: space.at("state") };
    await using master = new TestNode("master", { ...options, command: ["master"], args: started });
    const words = ["127.0.0.1", "0", "127.0.0.1", port, "--config", "config/basic_pipeline.txt"];
    await using worker = new TestNode("worker1", { ...options, command: ["worker1"], args: words });
    expect(await master.exited).toBe(0);
    expect(bytesOf(space).equals(bytesOf(reference))).toBe(true);
    expect(master.stderr).toContain("worker1 is here");
    expect(worker.stderr).toContain("--config");
  });

  test("coordinator is a master, and worker --port --coord, or a name with several masters, works for each of them", async () => {
    using space = new Workspace();
    await using all = new AsyncDisposableStack();
    const member = (name: string, command: readonly string[], args: readonly string[]): TestNode =>
      all.use(new TestNode(name, { cwd: space.path, dataDir: space.at("state"), command, args }));
    const first = member("first", ["coordinator"], ["127.0.0.1", "0", "--name", "first"]);
    const one = await first.address();
    const second = member("second", ["master"], ["--port", "0", "--node-id", "second", "--seeds", one]);
    const both = `${one},${await second.address()}`;
    const third = member("third", ["worker"], ["--port", "0", "--coord", one, "--node-id", "third"]);
    const fourth = member("fourth", ["fourth"], ["--port", "0", "--coord", both]);
    await Promise.all([third.address(), fourth.address()]);
    for (const master of [first, second]) {
      await master.hears("join", "third");
      await master.hears("join", "fourth");
      space.write("in.ndjson", '{"id":1}\n');
      space.write(
        `${master.name}.txt`,
        `in|source:ndjson|path=in.ndjson\nout|sink:ndjson|path=${master.name}.ndjson\n`,
      );
      const sent = await space.exec(["submit", `${master.name}.txt`, "--json", "--node", await master.address()]);
      expect(sent.code, sent.stderr).toBe(0);
      const states = (): unknown[] => master.told.filter(({ event }) => event === "pipeline").map(({ state }) => state);
      await until(`the pipeline of ${master.name} has ended`, () => states().includes("ended"));
      expect(space.text(`${master.name}.ndjson`)).toBe('{"id":1}\n');
    }
  });
});

describe("what is no worker's name", () => {
  test("a mistyped command is refused with what it may have meant, and starts nothing", async () => {
    using space = new Workspace();
    for (const words of [["pipelnes"], ["subimt", "orders.txt"], ["mastr", "--json"], ["runn", "x.txt", "--fresh"]]) {
      const { code, stderr } = await space.exec(words);
      expect(code).toBe(64);
      expect(stderr).toContain(`${JSON.stringify(words[0])} is no command`);
    }
    const { stderr } = await space.exec(["mastr"]);
    expect(stderr).toContain("did you mean master?");
  });

  test("a mistyped command with the words of a worker is refused too", async () => {
    using space = new Workspace();
    for (const words of [
      ["mastr", "127.0.0.1", "8080"],
      ["coordinater", "127.0.0.1", "8080", "--config", "x.txt"],
      ["submt", "--config", "x.txt"],
    ]) {
      const { code, stderr } = await space.exec(words);
      expect(code).toBe(64);
      expect(stderr).toContain("did you mean");
    }
  });
});

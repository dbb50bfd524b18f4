/** Processes that need secrets at the same moment: all end up with the same ones, and nothing half made is ever seen. */
import { describe, expect, test } from "bun:test";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { isIssuedBy, readKeyFile } from "../../src/wire/auth/index.ts";
import { until } from "../support/until.ts";
import { Workspace } from "../support/workspace.ts";

const CHILD = join(import.meta.dir, "secrets-child.ts");
/** Enough to meet on two processors, few enough to be quick. */
const PROCESSES = 8;

/** Starts them, waits until all are ready, lets all go at once; what each said. */
async function together(order: string, place: string, names: readonly string[]): Promise<string[]> {
  const children = names.map((name) => {
    const child = Bun.spawn([process.execPath, CHILD, order, place, name], {
      stdin: "pipe",
      stdout: "pipe",
      stderr: "inherit",
    });
    const said: string[] = [];
    const ended = (async () => {
      const decoder = new TextDecoder();
      for await (const chunk of child.stdout) said.push(decoder.decode(chunk));
    })();
    return { child, ended, text: () => said.join("") };
  });
  try {
    await until("all children are ready", () => children.every(({ text }) => text().startsWith("ready\n")));
    for (const { child } of children) {
      child.stdin.write("go\n");
      child.stdin.end();
    }
    await Promise.all(children.map(({ ended }) => ended));
    return children.map(({ text }) => text().slice("ready\n".length).trimEnd());
  } finally {
    for (const { child } of children) child.kill("SIGKILL");
  }
}

const names = Array.from({ length: PROCESSES }, (_, at) => `node${at}`);

describe("processes that start at once", () => {
  test("loadSecrets() gives all of them one key when each finds none", async () => {
    for (let round = 0; round < 3; round++) {
      using workspace = new Workspace();
      const ids = await together("load", workspace.at("state"), names);
      const { first } = readKeyFile(workspace.at("state", "cluster.key"));
      expect(ids).toEqual(names.map(() => first.id));
      expect(readdirSync(workspace.at("state"))).toEqual(["cluster.key"]);
    }
  });

  test("makeSecrets() makes key and authority once, and every node, when all make them", async () => {
    using workspace = new Workspace();
    const dir = workspace.at("secrets");
    const said = await together("make", dir, names);
    const { first } = readKeyFile(join(dir, "cluster.key"));
    expect(said).toEqual(names.map(() => first.id));
    expect(readdirSync(dir).sort()).toEqual(["ca.crt", "ca.key", "cluster.key", "nodes"]);
    expect(readdirSync(join(dir, "nodes"))).toHaveLength(2 * PROCESSES);
    const authority = readFileSync(join(dir, "ca.crt"), "utf8");
    for (const name of names) {
      expect(isIssuedBy(readFileSync(join(dir, "nodes", `${name}.crt`), "utf8"), authority)).toBe(true);
    }
  });
});

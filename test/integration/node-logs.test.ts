/** The log of a node as its surroundings want it: JSON in a pipe, a file of its own, at the level that is asked for. */
import { expect, test } from "bun:test";
import { readFileSync, statSync } from "node:fs";
import { Workspace } from "../support/workspace.ts";

const NODE = ["node", "n1", "127.0.0.1", "0"];
/** As the program would be started without any of our settings. */
const PLAIN = { DISTRIBUTED_SYSTEM_LOG_FORMAT: "" };

interface Line {
  readonly level: string;
  readonly node: string;
  readonly message: string;
}

function lines(text: string): Line[] {
  return text
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as Line);
}

test("a node writes JSON when its standard error is no terminal, and to its file", async () => {
  using space = new Workspace();
  const file = space.at("logs/p2p.log");
  await using node = space.start([...NODE, "--log-file", file], { env: PLAIN });
  await node.until("it listens", () => node.stderr.includes('"listening"'));
  node.signal("SIGTERM");
  const { stderr } = await node.done;
  const told = lines(stderr);
  expect(told).toContainEqual(expect.objectContaining({ level: "info", node: "n1", message: "listening" }));
  expect(lines(readFileSync(file, "utf8"))).toEqual(told);
  expect(statSync(file).mode & 0o777).toBe(0o600);
});

test("a node takes level and format from the environment, as the documents write them", async () => {
  using space = new Workspace();
  const env = { ...PLAIN, P2P_LOG_LEVEL: "INFO", P2P_LOG_FORMAT: "text" };
  await using node = space.start(NODE, { env });
  await node.until("it listens", () => / INFO {2}n1: listening /.test(node.stderr));
  expect(node.stderr).not.toContain("DEBUG");
  node.signal("SIGTERM");
  await node.done;
});

test("a node refuses a log file that cannot be written", async () => {
  using space = new Workspace();
  const { code, stderr } = await space.exec([...NODE, "--log-file", space.at(".")]);
  expect([code, stderr]).toEqual([64, expect.stringContaining("a file that can be written is required")]);
});

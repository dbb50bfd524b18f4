/**
 * A running instance for control-*.test.ts: a fake one with a real control socket, in a process of its own. Takes its data
 * directory and its pipeline's name; says "ready" and where it listens, then what it is asked to do, a line each. Some names
 * make it behave badly: "lingering" does not end, "abrupt" ends without an answer, "dying" ends when it is looked at.
 */

import type { TreeNode } from "../../src/app/control/contract.ts";
import type { InstanceControl } from "../../src/app/control/instance-control.ts";
import { serveInstance } from "../../src/app/control/serve-instance.ts";
import { Failure } from "../../src/base/errors.ts";

const [dataDir, name] = process.argv.slice(2) as [string, string];

const lane = (each: number): TreeNode => ({
  name: `lane ${each}`,
  kind: "worker",
  state: "running",
  pid: 4000 + each,
  uptimeMs: 61_000,
  restarts: each,
  ...(each === 1 && { lastExit: { code: null, signal: "SIGKILL", reason: "over \u001b[31mits limit", atMs: 0 } }),
  memoryBytes: 5 * 2 ** 20,
  cpuMs: 1500,
  children: [],
});
const supervisor = (node: string, children: readonly TreeNode[]): TreeNode => ({
  name: node,
  kind: "supervisor",
  strategy: "one_for_one",
  state: "running",
  restarts: 0,
  children,
});
const tree = supervisor("distributed_system", [
  supervisor(name, [
    supervisor("validate", [lane(0), lane(1)]),
    supervisor("enrich", [lane(0)]),
    ...(name === "orders" ? [supervisor(name, [])] : []), // a stage that is called like its pipeline
  ]),
]);
const root = `/distributed_system/${name}`;

const control: InstanceControl = {
  describe: () => (name === "dying" ? process.exit(0) : tree),
  async stop(path) {
    console.log(`stop ${path}`);
    const ending = path === root;
    if (ending && name === "abrupt") process.exit(0);
    if (ending && name !== "lingering") queueMicrotask(() => void end());
    return { done: [path], ending };
  },
  async restart(path) {
    console.log(`restart ${path}`);
    if (path === `${root}/enrich`)
      throw new Failure("plugin.refused", "the plugin says no", { data: { stage: "enrich" } });
    return [path];
  },
  async swap({ stage, library, params }) {
    console.log(`swap ${stage} ${library} ${JSON.stringify(params ?? null)}`);
    return { stage: "enrich", from: "/old.ts", to: library, lanes: 2, tookMs: 12.5, state: "restored" };
  },
  async reload() {
    console.log("reload");
    return { changed: ["validate"], added: [], removed: ["x"], moved: [], unchanged: ["enrich"], tookMs: 3 };
  },
};

const info = { version: "0.0.1", startedMs: Date.now(), command: "run", pipeline: `/pipelines/${name}.txt`, dataDir };
const server = await serveInstance(control, info, { warn: (text) => console.log(`warning ${text}`) });

async function end(): Promise<void> {
  await server.close();
  process.exit(0);
}

process.on("SIGTERM", () => process.exit(0)); // without close: the exit alone has to clear the files
console.log(`ready ${server.path}`);
process.stdin.resume();
process.stdin.on("end", () => process.exit(0)); // the test has gone

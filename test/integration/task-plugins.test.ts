/** Plugin tasks in real processes: how processes are shared, made room for, and what happens when they do not start. */
import { expect, test } from "bun:test";
import { hostCommand } from "../../src/app/self.ts";
import { systemClock } from "../../src/base/clock.ts";
import { type Json, PluginHosts } from "../../src/work/task/index.ts";
import { until } from "../support/until.ts";
import { Workspace } from "../support/workspace.ts";

/** Tells which process did it. */
const PID = `processBatch(batch) { for (const row of batch) row.pid = process.pid; },`;

function plugin(name: string, { top = "", body = PID, init = "", more = "" } = {}): string {
  return `import { definePlugin, param } from "distributed-system";
${top}
export default definePlugin({
  info: { name: "${name}", version: "1.0.0", description: "a test's" },
  params: { n: param.integer("any number", { default: 1 }), key_env: param.string("a variable", { default: "TASK_TEST_KEY" }) },
  init() { ${init} },
  ${body}
  cleanup() {},
  ${more}
});
`;
}

function openHosts(space: Workspace, hostsMax?: number) {
  const lines: string[] = [];
  const hosts = new PluginHosts({
    command: { ...hostCommand(), env: { ...process.env, TASK_TEST_KEY: "from outside" } },
    clock: systemClock,
    workDirectory: space.at("work"),
    show: (from, _stream, line) => void lines.push(`${from}: ${line}`),
    ...(hostsMax !== undefined && { hostsMax }),
  });
  const signal = new AbortController().signal;
  const call = (library: string, records: readonly { [key: string]: Json }[] = [{}], params = {}, by = signal) =>
    hosts.run({ type: "plugin", library, params, records }, by) as Promise<{ records: Record<string, Json>[] }>;
  return { call, lines, [Symbol.asyncDispose]: () => hosts.close() };
}

const pidOf = ({ records }: { readonly records: readonly Record<string, Json>[] }): Json => records[0]!.pid!;

test("run() shares processes between tasks with equal parameters, and only between them", async () => {
  using space = new Workspace();
  const library = space.write("a.ts", plugin("a"));
  await using hosts = openHosts(space);
  const first = pidOf(await hosts.call(library));
  expect(pidOf(await hosts.call(library))).toBe(first);
  expect(pidOf(await hosts.call(library, [{}], { n: 2 }))).not.toBe(first);
});

test("run() makes room for another plugin when only one process is allowed", async () => {
  using space = new Workspace();
  const [a, b] = ["a", "b"].map((name) => space.write(`${name}.ts`, plugin(name)));
  await using hosts = openHosts(space, 1);
  const pids = await Promise.all([a!, b!, a!, b!].map((library) => hosts.call(library).then(pidOf)));
  expect(new Set(pids).size).toBe(2);
  expect(pidOf(await hosts.call(a!))).not.toBe(pids[1]!);
});

test("run() gives each task a process of its own when the plugin keeps something between batches", async () => {
  using space = new Workspace();
  const library = space.write("s.ts", plugin("s", { more: "sequential: true," }));
  await using hosts = openHosts(space);
  const pids = await Promise.all([1, 2, 3].map(() => hosts.call(library).then(pidOf)));
  expect(new Set(pids).size).toBe(3);
});

test("run() keeps an exclusive plugin to one process", async () => {
  using space = new Workspace();
  const library = space.write("x.ts", plugin("x", { more: "exclusive: true," }));
  await using hosts = openHosts(space);
  const pids = await Promise.all(Array.from({ length: 10 }, () => hosts.call(library).then(pidOf)));
  expect(new Set(pids).size).toBe(1);
});

test("run() passes the variable that a parameter's default names, and no other", async () => {
  using space = new Workspace();
  const body =
    "processBatch(batch) { for (const row of batch) row.seen = [process.env.TASK_TEST_KEY ?? null, process.env.USER ?? null]; },";
  const library = space.write("env.ts", plugin("env", { body }));
  await using hosts = openHosts(space);
  expect((await hosts.call(library)).records).toEqual([{ seen: ["from outside", null] }]);
});

test("run() fails every waiting task at once when the plugin cannot be started", async () => {
  using space = new Workspace();
  const broken = space.write("broken.ts", "export default 5;\n");
  const refusing = space.write("refusing.ts", plugin("refusing", { init: 'throw new Error("no licence");' }));
  await using hosts = openHosts(space);
  const failures = await Promise.all([1, 2, 3].map(() => hosts.call(broken).catch((thrown: unknown) => thrown)));
  for (const failure of failures) expect(failure).toMatchObject({ code: "plugin.definition", retryable: false });
  const refused = await hosts.call(refusing).catch((thrown: unknown) => thrown);
  expect(refused).toMatchObject({ retryable: true, data: { untouched: true } });
  expect(String(refused)).toContain("no licence");
  expect(hosts.call(refusing, [{}], { m: 1 })).rejects.toThrow('the plugin has no parameter "m"');
});

test("run() gives results of any size that fits, and refuses larger ones with a message", async () => {
  using space = new Workspace();
  const body = 'processBatch(batch) { for (const row of batch) row.text = "x".repeat(row.size); },';
  const library = space.write("large.ts", plugin("large", { body }));
  await using hosts = openHosts(space);
  const { records } = await hosts.call(library, [{ size: 3_000_000 }, { size: 10 }]);
  expect(records.map(({ text }) => (text as string).length)).toEqual([3_000_000, 10]);
  expect(hosts.call(library, [{ size: 80_000_000 }])).rejects.toThrow("more than a slot can hold");
});

test("run() ends only the process whose task was given up; the task behind it is done by another", async () => {
  using space = new Workspace();
  const body = `async processBatch(batch) {
    for (const row of batch) {
      if (row.hang) { writeSync(1, "hanging\\n"); for (;;); }
      row.pid = process.pid;
    }
  },`;
  const library = space.write("hang.ts", plugin("hang", { body, top: 'import { writeSync } from "node:fs";' }));
  await using hosts = openHosts(space, 1);
  await hosts.call(library);
  const controller = new AbortController();
  const hanging = hosts.call(library, [{ hang: true }], {}, controller.signal).catch((thrown: unknown) => thrown);
  const behind = hosts.call(library);
  await until("it hangs", () => hosts.lines.includes("hang.ts: hanging"));
  controller.abort(new Error("too long"));
  expect(await hanging).toEqual(new Error("too long"));
  expect((await behind).records).toHaveLength(1);
});

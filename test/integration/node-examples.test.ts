/** The example programs as their comments say to run them: through `exec`, with the executable alone. */
import { expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { freePort } from "../support/free-port.ts";
import { Program, runProgram } from "../support/program.ts";

const EXAMPLES = join(import.meta.dir, "../../scripts/examples");

/** A state directory and a port mapper of its own, which is ended with the test. */
async function place(all: AsyncDisposableStack) {
  const cwd = mkdtempSync(join(tmpdir(), "distributed-system-test-"));
  const env = { DISTRIBUTED_SYSTEM_DATA_DIR: cwd, DISTRIBUTED_SYSTEM_PMD_PORT: String(freePort()) };
  all.defer(async () => {
    await runProgram(["pmd", "kill"], { cwd, env });
    rmSync(cwd, { recursive: true, force: true });
  });
  return { cwd, env };
}

test("ping-pong finds each other through the port mapper, which starts by itself; messages and a call get through", async () => {
  await using all = new AsyncDisposableStack();
  const where = await place(all);
  const pong = all.use(new Program(["exec", join(EXAMPLES, "ping-pong/pong.ts")], where));
  await pong.until("pong listens", () => pong.stderr.includes("listening"));
  const registered = async () => (await runProgram(["pmd", "resolve", "pong"], where)).code === 0;
  await pong.until("pong is registered", registered);
  const ping = await runProgram(["exec", join(EXAMPLES, "ping-pong/ping.ts"), "3"], where);
  expect(ping.stdout).toBe("hello ping, you asked: are you there?\n3 pongs\n");
  expect(ping.code).toBe(0);
  await pong.until("pong hears that ping has left", () => pong.stderr.includes("somebody left"));
  pong.signal("SIGTERM");
  expect((await pong.done).code).toBe(0);
  expect((await runProgram(["pmd", "resolve", "pong"], where)).code).toBe(66);
});

test("multi-node: three nodes greet each other, through the port mapper or by a seed over the network", async () => {
  await using all = new AsyncDisposableStack();
  const where = await place(all);
  const member = (...words: string[]) =>
    all.use(new Program(["exec", join(EXAMPLES, "multi-node/member.ts"), ...words], where));
  const local = ["one", "two", "three"].map((alias) => member(alias, "2"));
  const answers = (each: Program): number => each.stderr.split(" answers").length - 1;
  await Promise.all(local.map((each) => each.until("two others have answered", () => answers(each) === 2)));

  const first = member("red", "4");
  const found = await first.until("red listens", () => /"address":"([^"]+)"/.exec(first.stderr));
  const others = ["green", "blue"].map((alias) => member(alias, "2", found[1]!));
  await Promise.all(others.map((each) => each.until("two others have answered", () => answers(each) === 2)));
});

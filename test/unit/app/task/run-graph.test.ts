import { expect, test } from "bun:test";
import { openTaskRun } from "../../../../src/app/task/run-graph.ts";
import { Workspace } from "../../../support/workspace.ts";

test("openTaskRun() gives a run that asks nobody before it is begun, so that a stop is never too late", async () => {
  using space = new Workspace();
  let asked = 0;
  await using server = Bun.serve({ hostname: "127.0.0.1", port: 0, fetch: () => new Response(String(++asked)) });
  const tasks = [{ id: "a", type: "GET", url: `${server.url.origin}/a` }];
  const file = space.write("graph.json", JSON.stringify({ name: "graph", tasks }));
  const handle = await openTaskRun({ file, dataDir: space.at("state"), retryFailed: false, show() {} });
  handle.stop();
  expect(await handle.run()).toMatchObject({ state: "stopped", counts: { pending: 1, done: 0 } });
  expect(asked).toBe(0);
});

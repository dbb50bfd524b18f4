/** A process of a gateway as the main one sees it; here one that stands still. */
import { expect, test } from "bun:test";
import { GatewayProcess } from "../../../../../src/app/gateway/processes/gateway-process.ts";
import { SteppedClock } from "../../../../support/stepped-clock.ts";
import { until } from "../../../../support/until.ts";

const TEXT = "route|all|/*|none|reply=200 ok";

test("one that says nothing for ten seconds is killed, and nobody waits longer for its answer to a reload", async () => {
  const clock = new SteppedClock();
  const never = (): never => {
    throw new Error("nobody asks");
  };
  const child = new GatewayProcess({
    clock,
    words: () => ({
      settings: { host: "127.0.0.1", port: 0, config: "gateway.txt", processes: 2, isPlain: false, drainMs: 0 },
      ...{ text: TEXT, node: "gw", version: "1.0.0", logLevel: "silent", pseudonym: "gw-1", named: "" },
      tracing: { endpoint: undefined, ratio: undefined },
    }),
    callerOf: never,
    limits: () => {},
    health: () => [],
    ...{ counted: () => {}, log: () => {}, output: () => {}, access: () => {} },
  });
  try {
    await child.started;
    process.kill(child.pid, "SIGSTOP");
    const reload = child.reload(TEXT).then(
      () => "done",
      ({ code }) => code,
    );
    let detail: string | undefined;
    void child.exited.then((reason) => {
      detail = reason.detail;
    });
    let seconds = 0;
    await until("it is killed", () => {
      if (seconds++ < 30) clock.advance(1_000);
      return detail !== undefined;
    });
    expect(detail).toContain("said nothing for 10000 ms and was killed");
    expect(await reload).toBe("gateway.process_gone");
  } finally {
    child.terminate("kill");
  }
});

import { describe, expect, test } from "bun:test";
import { systemClock } from "../../../../src/base/clock.ts";
import { type HostExit, HostProcess } from "../../../../src/process/plugin/index.ts";

const request = { library: "none", pipeline: "p", run: "r", stage: "s", lane: 0 };

describe("HostProcess", () => {
  test("load() tells of an end when the system refuses to start the process", async () => {
    const exits: HostExit[] = [];
    const handlers = { message() {}, output() {}, exit: (exit: HostExit) => void exits.push(exit) };
    const command = { argv: ["/nowhere/at/all"], env: {} };
    const refused = HostProcess.load({ command, request, handlers, clock: systemClock, timeoutMs: 5_000 });
    expect(
      await refused.then(
        () => undefined,
        (thrown: unknown) => thrown,
      ),
    ).toMatchObject({ code: "plugin.spawn" });
    expect(exits.map(({ reason }) => reason)).toEqual([expect.stringContaining("could not be started")]);
  });

  test("load() says so when the process ends before its handshake", async () => {
    const exits: HostExit[] = [];
    const handlers = { message() {}, output() {}, exit: (exit: HostExit) => void exits.push(exit) };
    const refused = HostProcess.load({
      command: { argv: ["/bin/false"], env: {} },
      request,
      handlers,
      clock: systemClock,
      timeoutMs: 5_000,
    });
    expect(
      await refused.then(
        () => undefined,
        (thrown: unknown) => thrown,
      ),
    ).toMatchObject({ code: "plugin.exited" });
    expect(exits).toHaveLength(1);
  });
});

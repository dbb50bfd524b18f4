import { expect, test } from "bun:test";
import { type HostPort, PluginHost, type Slots } from "../../../../src/work/task/plugin-host.ts";

const host: HostPort = {
  send() {},
  kill() {},
  stop: () => Promise.reject(new Error("not asked for")),
  start: async () => {},
  check: async () => [],
};
/** Nobody ever gets a slot. */
const never = { lease: () => new Promise<never>(() => {}) } as unknown as Slots["input"];
const slots: Slots = { input: never, output: never };

test("PluginHost has room for a second task behind the one at work only where it may be done twice", () => {
  const request = { id: "task@1", records: [], finish: false, timeMs: 0 };
  const rooms = [1, 2].map((inFlightMax) => {
    const user = new PluginHost(host, { slots, owner: "p 0", isSingleUse: false, inFlightMax });
    void user.process(request, new AbortController().signal);
    return user.hasRoom;
  });
  expect(rooms).toEqual([false, true]);
});

test("PluginHost has no room while a task that was given up is inside: its process is about to end", async () => {
  const lease = { view: new Uint8Array(65_536), offset: 0, sizeBytes: 65_536, released: false, release() {} };
  const pool = { lease: async () => lease, releaseOwner() {} } as unknown as Slots["input"];
  const killed: string[] = [];
  const sent = Promise.withResolvers<void>();
  const port: HostPort = { ...host, send: () => sent.resolve(), kill: (reason) => void killed.push(reason) };
  const slots = { input: pool, output: pool };
  const user = new PluginHost(port, { slots, owner: "p 0", isSingleUse: false, inFlightMax: 1 });
  const abort = new AbortController();
  const request = { id: "task@1", records: [], finish: false, timeMs: 0 };
  const given = user.process(request, abort.signal).catch((thrown: unknown) => thrown);
  await sent.promise;
  abort.abort(new Error("too late"));
  expect(await given).toEqual(new Error("too late"));
  expect([killed.length, user.load, user.hasRoom]).toEqual([1, 0, false]);
});

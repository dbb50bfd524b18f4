/** Reloads that come while another one is loading: the newest file wins, and none is lost. */
import { describe, expect, test } from "bun:test";
import { once } from "node:events";
import { connect, createServer, type Socket } from "node:net";
import { RunningGateway, type RunningPorts } from "../../../../src/app/gateway/running-gateway.ts";
import { createLogger } from "../../../../src/base/log.ts";
import { seededRandom } from "../../../../src/base/random.ts";
import { NO_TRACER } from "../../../../src/base/trace.ts";
import type { GatewayLimits } from "../../../../src/edge/gateway/limit/index.ts";
import { acceptOf } from "../../../../src/wire/websocket/index.ts";
import { SteppedClock } from "../../../support/stepped-clock.ts";
import { until } from "../../../support/until.ts";
import { Workspace } from "../../../support/workspace.ts";

const RULES = 40;

class Rig implements Disposable {
  readonly place = new Workspace();
  /** Limits of each file that it has gone by. */
  readonly followed: GatewayLimits[] = [];

  ports(): RunningPorts {
    const never = (): never => {
      throw new Error("nobody asks");
    };
    return {
      settings: {
        ...{ host: "127.0.0.1", port: 0, config: this.place.at("gateway.txt") },
        ...{ processes: 1, isPlain: false, drainMs: 0 },
      },
      logger: createLogger({ name: "gw", level: "error", clock: new SteppedClock(), sink: () => {} }),
      tracer: NO_TRACER,
      random: seededRandom(1),
      named: { ask: never },
      authenticate: never,
      pseudonym: "gw-1",
      newId: () => "id",
      server: () => ({ address: "127.0.0.1", port: 1 }),
      openLog: never,
      limitsChanged: (limits) => void this.followed.push(limits),
    };
  }

  /** Each file has rules of its own, so that each reload loads some. */
  write(threshold: number, more: readonly string[] = []): void {
    const rules = Array.from(
      { length: RULES },
      (_, at) => `SecRule ARGS "@rx x{${at + 1}}y" "id:${at + 1},phase:2,deny"`,
    );
    this.place.write("rules/a.conf", rules.join("\n"));
    const lines = ["route|web|/*|none|reply=200", `waf|rules|block|inbound_threshold=${threshold}`, ...more];
    this.place.write("gateway.txt", lines.join("\n"));
  }

  [Symbol.dispose](): void {
    this.place[Symbol.dispose]();
  }
}

function threshold(running: RunningGateway): number | undefined {
  return running.assembly.firewalls.loaded()[0]?.plan.inboundThreshold;
}

describe("RunningGateway.reload()", () => {
  test("reload() that fails is known until one succeeds", async () => {
    using rig = new Rig();
    rig.write(1);
    const running = await RunningGateway.open(rig.ports());
    expect(running.notTaken).toBeUndefined();
    rig.write(2, ["route|x"]);
    await running.reload().catch(() => {});
    expect(running.notTaken?.reason).toContain("reading ");
    rig.place.write("junk.pem", "junk");
    rig.write(2, [`route|x|/x|https://u|upstream_ca=${rig.place.at("junk.pem")}`]);
    await running.reload().catch(() => {});
    expect(running.notTaken?.reason).toMatch(
      /cannot use upstream_ca=.*; gateway check \S+gateway\.txt shows the line$/,
    );
    rig.write(3);
    await running.reload();
    expect(running.notTaken).toBeUndefined();
    await running.close(0);
  });

  test("reload() while another one is loading comes behind it: all are done, and the newest file counts", async () => {
    using rig = new Rig();
    rig.write(1);
    const running = await RunningGateway.open(rig.ports());
    const reloads: Promise<void>[] = [];
    for (const each of [2, 3, 4, 5]) {
      rig.write(each);
      reloads.push(running.reload());
    }
    expect(threshold(running)).toBe(1);
    await Promise.all(reloads);
    expect([threshold(running), running.gateway.plan.wafs[0]!.inboundThreshold, running.reloads]).toEqual([5, 5, 4]);
    expect(rig.followed.length).toBe(5);
    await running.close(0);
  });

  test("reload() tells who asked of the faults that it met; those before and behind it are done", async () => {
    using rig = new Rig();
    rig.write(1);
    const running = await RunningGateway.open(rig.ports());
    const texts = [2, 3, 4].map((each) => {
      rig.write(each, each === 3 ? ["route|faulty"] : []);
      return rig.place.text("gateway.txt");
    });
    const outcomes = await Promise.allSettled(texts.map((text) => running.reload(text)));
    expect(outcomes.map(({ status }) => status)).toEqual(["fulfilled", "rejected", "fulfilled"]);
    expect([threshold(running), running.reloads]).toEqual([4, 2]);
    await running.close(0);
  });

  test("reload() leaves nothing of the files before in memory, firewalls least of all", async () => {
    using rig = new Rig();
    rig.write(1);
    const ports: RunningPorts = { ...rig.ports(), limitsChanged: () => {} };
    const running = await RunningGateway.open(ports);
    const former: WeakRef<object>[] = [];
    for (let each = 2; each <= 12; each++) {
      former.push(new WeakRef(running.assembly), new WeakRef(running.assembly.firewalls.loaded()[0]!.loaded.waf));
      rig.write(each);
      await running.reload();
    }
    // The last one may stand in a register still.
    await until("all but the last ones are gone", () => {
      Bun.gc(true);
      return former.filter((each) => each.deref()).length <= 4;
    });
    await running.close(0);
  });

  test("reload() that is loading when the gateway closes changes nothing any more", async () => {
    using rig = new Rig();
    rig.write(1);
    const running = await RunningGateway.open(rig.ports());
    rig.write(2);
    const reload = running.reload();
    await running.close(0);
    await reload;
    expect([threshold(running), running.reloads, rig.followed.length]).toEqual([1, 0, 1]);
  });
});

/** An upstream that takes WebSockets, and counts how often it was asked for each path. */
async function openUpstream() {
  const asked = new Map<string, number>();
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket.on("error", () => {}));
    socket.on("data", (data) => {
      const head = data.toString();
      const path = head.split(" ")[1] ?? "";
      asked.set(path, (asked.get(path) ?? 0) + 1);
      const key = /sec-websocket-key: (\S+)/i.exec(head)?.[1];
      if (key === undefined) return socket.write("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n");
      const fields = ["upgrade: websocket", "connection: upgrade", `sec-websocket-accept: ${acceptOf(key)}`];
      socket.write(`HTTP/1.1 101 Switching Protocols\r\n${fields.join("\r\n")}\r\n\r\n`);
    });
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
  const { port } = server.address() as { port: number };
  const count = (path: string) => asked.get(path) ?? 0;
  return {
    ...{ count, url: `http://127.0.0.1:${port}` },
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      await new Promise((closed) => server.close(closed));
    },
  };
}

async function openSocket(port: number): Promise<Socket> {
  const socket = connect(port, "127.0.0.1").on("error", () => {});
  const fields = ["host: a", "connection: upgrade", "upgrade: websocket", "sec-websocket-version: 13"];
  socket.write(`GET /ws/1 HTTP/1.1\r\n${fields.join("\r\n")}\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n`);
  const [head] = await once(socket, "data");
  expect(String(head)).toStartWith("HTTP/1.1 101");
  return socket;
}

describe("RunningGateway.reload() under sockets that stay open", () => {
  test("reload() ends the health checks of the file before, and its sockets go on", async () => {
    using rig = new Rig();
    await using upstream = await openUpstream();
    const lines = (path: string) => [
      `route|ws|/ws/*|${upstream.url}`,
      `route|checked|/x|${upstream.url}|health=/${path},health_interval=100ms`,
    ];
    rig.place.write("gateway.txt", lines("old").join("\n"));
    const running = await RunningGateway.open(rig.ports());
    const { port } = await running.listen(false);
    const socket = await openSocket(port);
    await until("the target is checked", () => upstream.count("/old") >= 2);
    rig.place.write("gateway.txt", lines("new").join("\n"));
    await running.reload();
    const before = upstream.count("/old");
    await until("the target is checked by the new file", () => upstream.count("/new") >= 5);
    expect(upstream.count("/old") - before).toBeLessThanOrEqual(1); // it may have been on its way
    expect([socket.closed, running.formers.count]).toEqual([false, 1]);
    socket.destroy();
    await until("the former file is closed", () => running.formers.count === 0);
    expect(running.formers.cut).toBe(0);
    await running.close(0);
  });

  test("reload() cuts off what goes on for longer than reload_drain", async () => {
    using rig = new Rig();
    await using upstream = await openUpstream();
    const route = `route|ws|/ws/*|${upstream.url}`;
    rig.place.write("gateway.txt", route);
    const running = await RunningGateway.open(rig.ports());
    const { port } = await running.listen(false);
    const before = await openSocket(port);
    rig.place.write("gateway.txt", `set|reload_drain=1s\n${route}`);
    await running.reload();
    const after = await openSocket(port);
    await new Promise<void>((closed) => before.once("close", () => closed()));
    expect([running.formers.count, running.formers.cut, after.closed]).toEqual([0, 1, false]);
    after.destroy();
    await running.close(0);
  });
});

/** Requests that come as messages of a socket: each of them goes along its own route, with all that stands there before the upstream. */
import { describe, expect, test } from "bun:test";
import { Failure } from "../../../../../src/base/errors.ts";
import { RouteConverter } from "../../../../../src/edge/gateway/convert/index.ts";
import { OPCODE, writeFrame } from "../../../../../src/wire/websocket/index.ts";
import { SteppedClock } from "../../../../support/stepped-clock.ts";
import { type Client, CoreRig, settled } from "./rig.ts";

const KEY = "dGhlIHNhbXBsZSBub25jZQ==";
const HEADERS = ["sec-websocket-version", "13", "sec-websocket-key", KEY, "cookie", "c=1", "x-tenant", "mine"];

class SocketRig extends CoreRig {
  readonly seen: string[] = [];

  constructor(lines: readonly string[]) {
    const ports = { readFile: () => undefined, health: () => true, watchHealth: () => () => {}, nextId: () => "id" };
    super(lines, {
      converterFor: (route) =>
        new RouteConverter(route, undefined, { ...ports, randomBytes: bytes }, new SteppedClock()),
      doorkeeper: {
        check: (route, head) => {
          this.seen.push(`${route.id} ${head.method} ${head.target}`);
          return new Failure("gateway.unauthenticated", "nobody is let in");
        },
      },
    });
  }

  open(target: string): Client {
    return this.send(target, { headers: [...HEADERS], protocol: "websocket" });
  }
}

function bytes(count: number): Uint8Array {
  return new Uint8Array(count);
}

function say(client: Client, message: unknown): void {
  const frame = writeFrame(OPCODE.text, Buffer.from(JSON.stringify(message)), Uint8Array.of(1, 2, 3, 4));
  client.raw!.source.sink!.write(frame);
}

/** Id and status of each answer. */
function answers(client: Client): string[] {
  return [...client.raw!.sink.text.matchAll(/\{"id":(\d+),"status":(\d+)/g)].map(([, id, status]) => `${id} ${status}`);
}

describe("convert=websocket-http", () => {
  const FILE = [
    "limit|client_ip|5|1m|REJECT|routes=api",
    "route|admin|/api/admin/*|http://10.0.0.1|auth=token",
    "route|api|/api/*|http://10.0.0.2|request_header.x-tenant=own,convert=websocket-http",
    "route|put|PUT /api/put/*|http://10.0.0.3",
  ];

  test("sends each message along the route that it names, whatever the socket's own route allows", async () => {
    const rig = new SocketRig(FILE);
    const client = rig.open("/api/");
    expect(client.status).toBe(101);
    say(client, { id: 1, method: "DELETE", path: "/admin/users/1" });
    await settled();
    expect([rig.seen, answers(client), rig.upstreams.asked.length]).toEqual([
      ["admin DELETE /api/admin/users/1"],
      ["1 401"],
      0,
    ]);
    say(client, { id: 2, method: "PUT", path: "/put/x" });
    expect(rig.asked().request.origin.host).toBe("10.0.0.3");
    say(client, { id: 3, path: "/../secret" });
    expect(answers(client)).toEqual(["1 401", "3 400"]);
  });

  test("edits, limits and counts each message as a request by itself", () => {
    const rig = new SocketRig(FILE);
    const client = rig.open("/api/"); // the first of five
    for (let id = 0; id < 6; id++) say(client, { id, path: "/x", headers: { "x-tenant": "evil" } });
    expect([rig.upstreams.asked.length, answers(client)]).toEqual([4, ["4 429", "5 429"]]);
    const { headers } = rig.asked().request.head;
    expect(headers.filter((_, at) => headers[at - 1] === "x-tenant")).toEqual(["own"]);
    expect([rig.asked().header("cookie"), rig.asked().header("x-forwarded-for")]).toEqual(["c=1", "192.0.2.7"]);
    rig.asked().replies(200, [], "ok");
    expect(answers(client).at(-1)).toBe("0 200");
    expect(rig.ended.map(({ status }) => status)).toEqual([429, 429, 200]);
    expect(rig.gateway.counts().requests).toBe(7);
  });

  test("cancels what upstreams are asked for messages when the socket is gone, and all of it ends", () => {
    const rig = new SocketRig(FILE);
    const client = rig.open("/api/");
    for (let id = 0; id < 3; id++) say(client, { id, path: "/x" });
    client.raw!.source.sink!.abort(new Failure("gateway.client_gone", "the client went"));
    expect(rig.upstreams.asked.map(({ cancelled }) => cancelled?.code)).toEqual(
      new Array(3).fill("gateway.client_gone"),
    );
    expect(rig.gateway.counts().inFlight).toBe(0);
  });

  test("makes no socket of a message, for a message asks for none", () => {
    const rig = new SocketRig(FILE);
    const client = rig.open("/api/");
    say(client, { id: 1, path: "/", headers: { upgrade: "websocket", connection: "upgrade" } });
    say(client, { id: 2, path: "/" });
    expect([answers(client), rig.asked().request.head.protocol]).toEqual([["1 400"], undefined]);
  });
});

describe("convert=auto", () => {
  test("passes a socket on when the target is HTTP: its messages are the upstream's own", () => {
    const rig = new SocketRig(["route|api|/api/*|http://10.0.0.2"]);
    const client = rig.open("/api/");
    const { head } = rig.asked().request;
    expect([head.protocol, head.target, client.status]).toEqual(["websocket", "/api/", undefined]);
  });
});

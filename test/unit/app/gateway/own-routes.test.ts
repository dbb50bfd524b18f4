import { describe, expect, test } from "bun:test";
import { ownPlans, ownRoutes } from "../../../../src/app/gateway/own-routes.ts";
import { tried } from "../../../../src/app/gateway/try-request.ts";
import { RootServices } from "../../../../src/edge/gateway/convert/index.ts";
import { RouteTable } from "../../../../src/edge/gateway/route/index.ts";
import type { HeaderList } from "../../../../src/wire/http/index.ts";
import { BytesSource, headerOf } from "../../../../src/wire/http/index.ts";
import {
  decodeReflectionReply,
  encodeReflectionRequest,
  frameMessage,
  loadDescriptors,
  type ReflectionRequest,
} from "../../../../src/wire/protobuf/index.ts";
import { type Client, CoreRig, planOf } from "../../edge/gateway/core/rig.ts";

const GRPC: HeaderList = ["content-type", "application/grpc"];
const HEALTH = "/grpc.health.v1.Health";
const REFLECTION = "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo";
const PROTO = `syntax = "proto3"; package a.v1;
message M {}
service Open { rpc Do(M) returns (M); }
service Closed { rpc Do(M) returns (M); }
service Nowhere { rpc Do(M) returns (M); }`;
const ROUTES = [
  "route|open|/a.v1.Open/*|grpc://up",
  "route|closed|/a.v1.Closed/*|grpc://up|auth=token",
  "route|web|/web/*|http://up",
];

interface OwnRig {
  readonly rig: CoreRig;
  readonly sick: Set<string>;
  /** As time goes by. */
  look(): void;
  /** By all that look from time to time. */
  readonly looks: Set<() => void>;
  /** How often a route's health was asked for. */
  asked: number;
}

async function ownRig(
  lines: readonly string[],
  files: Readonly<Record<string, string>> = { "a.proto": PROTO },
): Promise<OwnRig> {
  const plan = planOf(lines);
  const descriptors = await loadDescriptors({
    files: Object.keys(files),
    importPaths: [],
    readFile: (path) => (files[path] === undefined ? undefined : Buffer.from(files[path])),
  });
  const sick = new Set<string>();
  const stores = ["open", "closed"].map((route) => ({ route, descriptors }));
  const looks = new Set<() => void>();
  const root = new RootServices(plan.routes, stores, {
    health({ id }) {
      own.asked++;
      return !sick.has(id);
    },
    lookAgain(look) {
      looks.add(look);
      return () => void looks.delete(look);
    },
  });
  const look = (): void => looks.forEach((each) => void each());
  const own = { rig: new CoreRig(lines, { own: ownRoutes(plan, root) }), sick, look, looks, asked: 0 };
  return own;
}

function post(rig: CoreRig, target: string, message: Uint8Array, headers = GRPC): Client {
  return rig.send(target, { method: "POST", headers, body: new BytesSource(frameMessage(message)), version: "2" });
}

function check(rig: CoreRig, service: string, method = "Check"): Client {
  return post(rig, `${HEALTH}/${method}`, Uint8Array.of(0x0a, service.length, ...Buffer.from(service)));
}

/** Of what was sent: the last byte of each message, and the status. */
function saidOf(client: Client): string {
  const bytes = Buffer.from(client.text);
  const states: number[] = [];
  for (let at = 0; at < bytes.length; at += 5 + bytes.readUInt32BE(at + 1)) states.push(bytes[at + 6] ?? -1);
  const status = headerOf(client.sink?.trailers ?? client.head?.headers ?? [], "grpc-status");
  return `${states.join(" ")} status ${status ?? "none"}`;
}

async function reflected(rig: CoreRig, request: ReflectionRequest, headers = GRPC) {
  const client = post(rig, REFLECTION, encodeReflectionRequest(request), headers);
  const bytes = Buffer.from(client.text, "utf8");
  return decodeReflectionReply(bytes.subarray(5));
}

describe("gRPC health at the root", () => {
  test("handle() tells the health of each service by the route that takes it", async () => {
    const { rig, sick } = await ownRig(ROUTES);
    sick.add("closed");
    expect(saidOf(check(rig, ""))).toBe("1 status 0");
    expect(saidOf(check(rig, "a.v1.Open"))).toBe("1 status 0");
    expect(saidOf(check(rig, "a.v1.Closed"))).toBe("2 status 0");
    expect(saidOf(check(rig, "a.v1.Nowhere"))).toBe(" status 5");
    expect(saidOf(check(rig, "web"))).toBe(" status 5");
    expect(saidOf(check(rig, "../x"))).toBe(" status 5");
    sick.add("open");
    expect(saidOf(check(rig, ""))).toBe("2 status 0");
    expect(rig.upstreams.asked).toHaveLength(0);
    expect(rig.gateway.ownRoutes[0]!.counts).toMatchObject({ requests: 7, inFlight: 0 });
  });

  test("handle() knows a service that only one of its methods is routed of", async () => {
    const { rig } = await ownRig(["route|open|/a.v1.Open/Do|grpc://up"]);
    expect(saidOf(check(rig, "a.v1.Open"))).toBe("1 status 0");
  });

  test("handle() tells a watcher each change", async () => {
    const { look, looks, rig, sick } = await ownRig(ROUTES);
    const client = check(rig, "a.v1.Open", "Watch");
    look();
    sick.add("open");
    look();
    expect(saidOf(client)).toBe("1 2 status none");
    client.goes();
    expect(rig.gateway.counts().inFlight).toBe(0);
    expect(looks.size).toBe(0);
  });

  test("handle() looks once for all that watch the same service of the same host", async () => {
    const own = await ownRig(ROUTES);
    const { look, looks, rig, sick } = own;
    const clients = Array.from({ length: 20 }, () => check(rig, "a.v1.Open", "Watch"));
    const other = check(rig, "a.v1.Closed", "Watch");
    expect([looks.size, own.asked]).toEqual([1, 2]);
    sick.add("open");
    clients.pop()!.goes();
    look();
    expect(own.asked).toBe(4);
    clients.push(check(rig, "a.v1.Open", "Watch"));
    expect(own.asked).toBe(4);
    expect(clients.map(saidOf)).toEqual([...Array.from({ length: 19 }, () => "1 2 status none"), "2 status none"]);
    sick.clear();
    look();
    expect([saidOf(clients[19]!), saidOf(other)]).toEqual(["2 1 status none", "1 status none"]);
    for (const client of [...clients, other]) client.goes();
    expect(looks.size).toBe(0);
  });

  test("handle() refuses a client's 65th watcher until one of them goes, and lets it ask", async () => {
    const { rig } = await ownRig(ROUTES);
    const clients = Array.from({ length: 64 }, (_, at) => check(rig, `a.v1.Open${at}`, "Watch"));
    expect(saidOf(clients[63]!)).toBe("3 status none");
    expect(saidOf(check(rig, "", "Watch"))).toBe(" status 8");
    expect(saidOf(check(rig, ""))).toBe("1 status 0");
    clients[0]!.goes();
    clients[0]!.goes();
    expect(saidOf(check(rig, "", "Watch"))).toBe("1 status none");
    expect(saidOf(check(rig, "", "Watch"))).toBe(" status 8");
  });

  test("handle() answers UNIMPLEMENTED when the service has no such method", async () => {
    const { rig } = await ownRig(ROUTES);
    expect(saidOf(check(rig, "", "Lisst"))).toBe(" status 12");
  });

  test("handle() leaves everything to the routes of the file when one takes it", async () => {
    const { rig } = await ownRig([...ROUTES, "route|all|/*|grpc://up"]);
    rig.upstreams.onAsk = (asked) => asked.replies(200, [...GRPC, "grpc-status", "0"]);
    check(rig, "");
    post(rig, REFLECTION, encodeReflectionRequest({ kind: "services", name: "" }));
    expect(rig.upstreams.asked.map(({ request }) => request.head.target)).toEqual([`${HEALTH}/Check`, REFLECTION]);
  });

  test("handle() counts it under limits of all routes by address", async () => {
    const { rig } = await ownRig([...ROUTES, "limit|client_ip|1|1m|REJECT", "limit|header:x|1|1m|REJECT|missing=deny"]);
    expect(saidOf(check(rig, ""))).toBe("1 status 0");
    expect(saidOf(check(rig, ""))).toBe(" status 8");
  });

  test("handle() answers nothing of it when it is not asked in gRPC, or by another method", async () => {
    const { rig } = await ownRig(ROUTES);
    expect(post(rig, `${HEALTH}/Check`, new Uint8Array(0), ["content-type", "application/json"]).status).toBe(404);
    expect(rig.send(`${HEALTH}/Check`, { headers: GRPC }).header("grpc-status")).toBe("12");
    expect(rig.gateway.ownRoutes.map(({ counts }) => counts.requests)).toEqual([0, 0, 0]);
  });
});

describe("gRPC reflection at the root", () => {
  test("handle() shows services that may be called without a token", async () => {
    const { rig } = await ownRig(ROUTES);
    expect(await reflected(rig, { kind: "services", name: "" })).toEqual({ kind: "services", names: ["a.v1.Open"] });
    expect(post(rig, REFLECTION, encodeReflectionRequest({ kind: "symbol", name: "a.v1.Open" })).text).toContain(
      "a.proto",
    );
    expect(await reflected(rig, { kind: "symbol", name: "a.v1.Other" })).toMatchObject({ kind: "error", code: 5 });
  });

  test("handle() hides files that no shown service imports when one set of descriptors has both", async () => {
    const { rig } = await ownRig(
      ["route|open|/a.v1.Open/*|grpc://up", "route|closed|/a.v1.Closed/*|grpc://up|auth=token"],
      {
        "shared.proto": `syntax = "proto2"; package a.v1; message M { extensions 10 to 20; }`,
        "between.proto": `syntax = "proto2"; package a.v1; import public "shared.proto"; message Between { extensions 10 to 20; }
        extend M { optional string seen = 10; }`,
        "open.proto": `syntax = "proto2"; package a.v1; import "between.proto"; service Open { rpc Do(M) returns (M); }`,
        "closed.proto": `syntax = "proto2"; package a.v1; import "shared.proto"; message Salary { extensions 10 to 20; }
        extend M { optional string iban = 11; } extend Salary { optional string bonus = 10; }
        service Closed { rpc Do(Salary) returns (M); }`,
      },
    );
    const textOf = (request: ReflectionRequest) => post(rig, REFLECTION, encodeReflectionRequest(request)).text;
    const shownIn = (request: ReflectionRequest) =>
      ["open", "between", "shared", "closed"].filter((name) => textOf(request).includes(`${name}.proto\x12\x04a.v1`));
    const all = ["open", "between", "shared"];
    expect(shownIn({ kind: "symbol", name: "a.v1.Open.Do" })).toEqual(all);
    expect(shownIn({ kind: "file", name: "open.proto" })).toEqual(all);
    expect(shownIn({ kind: "symbol", name: "a.v1.M" })).toEqual(["shared"]);
    expect(shownIn({ kind: "extension", name: "a.v1.M", number: 10 })).toEqual(["between", "shared"]);
    expect(textOf({ kind: "extension_numbers", name: "a.v1.M" })).toEndWith("a.v1.M\x12\x01\x0a");
    const hidden: readonly ReflectionRequest[] = [
      { kind: "symbol", name: "a.v1.Closed" },
      { kind: "symbol", name: "a.v1.Closed.Do" },
      { kind: "symbol", name: "a.v1.Salary" },
      { kind: "file", name: "closed.proto" },
      { kind: "extension", name: "a.v1.M", number: 11 },
      { kind: "extension_numbers", name: "a.v1.Salary" },
    ];
    for (const each of hidden) expect(await reflected(rig, each)).toMatchObject({ kind: "error", code: 5 });
  });

  test("handle() shows nothing when every route wants a token, or is of another host", async () => {
    const none = { kind: "services", names: [] };
    const closed = await ownRig(["route|open|/a.v1.Open/*|grpc://up|auth=token"]);
    expect(await reflected(closed.rig, { kind: "services", name: "" })).toEqual(none as never);
    expect(await reflected(closed.rig, { kind: "symbol", name: "a.v1.Open" })).toMatchObject({ kind: "error" });
    const elsewhere = await ownRig(["route|open|other.example/a.v1.Open/*|grpc://up"]);
    expect(await reflected(elsewhere.rig, { kind: "services", name: "" })).toEqual(none as never);
    expect(saidOf(check(elsewhere.rig, "a.v1.Open"))).toBe(" status 5");
  });
});

describe("ownPlans()", () => {
  const idsOf = (...lines: string[]): string[] => ownPlans(planOf(lines)).map(({ id }) => id);

  test("ownPlans() has nothing when no route has gRPC or the file switches it off", () => {
    expect(idsOf(ROUTES[0]!)).toEqual(["(grpc health)", "(grpc reflection)", "(grpc reflection, v1alpha)"]);
    expect(idsOf(ROUTES[2]!)).toEqual([]);
    expect(idsOf(ROUTES[0]!, "set|grpc_health=false")).toEqual(["(grpc reflection)", "(grpc reflection, v1alpha)"]);
    expect(idsOf(ROUTES[0]!, "set|grpc_reflection=false")).toEqual(["(grpc health)"]);
  });

  test("tried() says that the gateway serves it when no route takes it", () => {
    const asked = { method: "POST", url: `${HEALTH}/Check`, headers: { "content-type": "application/grpc" } };
    const answerOf = (...lines: string[]) => {
      const plan = planOf(lines);
      return tried(plan, new RouteTable(plan.routes), asked);
    };
    expect(answerOf(...ROUTES)).toMatchObject({ route: "(grpc health)", guards: ["served by the gateway itself"] });
    expect(answerOf(...ROUTES, "set|grpc_health=false")).toMatchObject({ status: 404 });
    expect(answerOf("route|all|/*|grpc://up")).toMatchObject({ route: "all" });
  });
});

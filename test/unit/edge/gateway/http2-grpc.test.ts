/** gRPC through listener and upstreams, with grpc-js at both ends: trailers, streams both ways, statuses, cancellation. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { Client, credentials, Metadata, Server, ServerCredentials, type ServiceError, status } from "@grpc/grpc-js";
import { systemClock } from "../../../../src/base/clock.ts";
import { Failure } from "../../../../src/base/errors.ts";
import { type Listener, openListener } from "../../../../src/edge/gateway/listener/index.ts";
import { UpstreamPools } from "../../../../src/edge/gateway/upstream/index.ts";
import type { Exchange } from "../../../../src/edge/gateway/words/index.ts";
import { until } from "../../../support/until.ts";
import { SETTINGS } from "./listener/rig.ts";

const same = (bytes: Buffer): Buffer => bytes;
const method = (name: string, requestStream: boolean, responseStream: boolean) => ({
  path: `/echo.Echo/${name}`,
  requestStream,
  responseStream,
  requestSerialize: same,
  requestDeserialize: same,
  responseSerialize: same,
  responseDeserialize: same,
});
const SERVICE = {
  unary: method("unary", false, false),
  fails: method("fails", false, false),
  down: method("down", false, true),
  both: method("both", true, true),
  hangs: method("hangs", false, false),
};

let cancelled = 0;
const server = new Server();
server.addService(SERVICE, {
  unary: (call: never, reply: (error: null, value: Buffer, trailer: Metadata) => void) => {
    const { metadata, request } = call as { metadata: Metadata; request: Buffer };
    const trailer = new Metadata();
    trailer.set("x-seen", String(metadata.get("x-token")[0]));
    reply(null, request, trailer);
  },
  fails: (_call: never, reply: (error: object) => void) => reply({ code: status.NOT_FOUND, details: "no such thing" }),
  down: (call: never) => {
    const stream = call as { request: Buffer; write(value: Buffer): void; end(): void };
    for (let at = 0; at < 100; at++) stream.write(Buffer.concat([stream.request, Buffer.from(String(at))]));
    stream.end();
  },
  both: (call: never) => {
    const stream = call as {
      on(event: string, listener: (value: Buffer) => void): void;
      write(value: Buffer): void;
      end(): void;
    };
    stream.on("data", (value) => stream.write(value));
    stream.on("end", () => stream.end());
  },
  hangs: (call: never) => {
    (call as { on(event: string, listener: () => void): void }).on("cancelled", () => {
      cancelled++;
    });
  },
} as never);

let listener: Listener;
let upstreams: UpstreamPools;
let client: Client;

beforeAll(async () => {
  const port = await new Promise<number>((resolve, reject) =>
    server.bindAsync("127.0.0.1:0", ServerCredentials.createInsecure(), (error, bound) =>
      error ? reject(error) : resolve(bound),
    ),
  );
  upstreams = new UpstreamPools({ clock: systemClock });
  listener = openListener({
    host: "127.0.0.1",
    port: 0,
    clock: systemClock,
    settings: SETTINGS,
    handle: (exchange) => passOn(exchange, port),
  });
  client = new Client(`127.0.0.1:${listener.port}`, credentials.createInsecure());
});

afterAll(async () => {
  client.close();
  upstreams.close(new Failure("test.over", "the test is over"));
  await listener.close(0);
  server.forceShutdown();
});

/** The thinnest gateway. */
function passOn(exchange: Exchange, port: number): void {
  const call = upstreams.ask(
    {
      origin: { scheme: "grpc", host: "127.0.0.1", port },
      head: exchange.request,
      body: exchange.body,
      timeouts: { connectMs: 5_000 },
    },
    {
      onReply: (head, body) => body.start(exchange.respond(head)),
      onFailure: (failure) => exchange.reset(failure),
    },
  );
  exchange.onGone = (cause) => call.cancel(cause);
}

describe("gRPC through the gateway's ends", () => {
  test("unary calls bring replies, metadata and trailers when many run at once", async () => {
    const metadata = new Metadata();
    metadata.set("x-token", "secret");
    const call = (text: string): Promise<[string, string]> =>
      new Promise((resolve, reject) => {
        let seen = "";
        const { path } = SERVICE.unary;
        const one = client.makeUnaryRequest(path, same, same, Buffer.from(text), metadata, (error, value) =>
          error ? reject(error) : setImmediate(() => resolve([String(value), seen])),
        );
        one.on("status", ({ metadata: trailers }) => {
          seen = String(trailers.get("x-seen")[0]);
        });
      });
    const texts = Array.from({ length: 200 }, (_, at) => `text ${at}`);
    expect(await Promise.all(texts.map(call))).toEqual(texts.map((text): [string, string] => [text, "secret"]));
    const large = "x".repeat(2_000_000);
    expect((await call(large))[0] === large).toBe(true);
  });

  test("a status without a body comes through when a call fails", async () => {
    const error = await new Promise<ServiceError | null>((resolve) =>
      client.makeUnaryRequest(SERVICE.fails.path, same, same, Buffer.from("x"), (failure) => resolve(failure)),
    );
    expect([error?.code, error?.details]).toEqual([status.NOT_FOUND, "no such thing"]);
  });

  test("a server's stream comes in its order, and a stream both ways message by message", async () => {
    const down: string[] = [];
    const stream = client.makeServerStreamRequest(SERVICE.down.path, same, same, Buffer.from("m"));
    stream.on("data", (value: Buffer) => void down.push(value.toString()));
    await new Promise((resolve) => stream.on("end", resolve));
    expect(down).toEqual(Array.from({ length: 100 }, (_, at) => `m${at}`));

    const echoed: string[] = [];
    const both = client.makeBidiStreamRequest(SERVICE.both.path, same, same);
    both.on("data", (value: Buffer) => void echoed.push(value.toString()));
    for (const text of ["one", "two", "three"]) {
      both.write(Buffer.from(text));
      await until("the echo", () => echoed.at(-1) === text);
    }
    both.end();
    await new Promise((resolve) => both.on("end", resolve));
    expect(echoed).toEqual(["one", "two", "three"]);
  });

  test("the upstream hears of it when a client cancels", async () => {
    const call = client.makeUnaryRequest(SERVICE.hangs.path, same, same, Buffer.from("x"), () => {});
    await until("it is under way", () => upstreams.counts().active === 1);
    call.cancel();
    await until("the upstream was told", () => cancelled === 1);
    expect(upstreams.counts().active).toBe(0);
  });
});

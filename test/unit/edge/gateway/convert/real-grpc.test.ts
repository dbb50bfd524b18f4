/** Conversions before a real server of @grpc/grpc-js, through real connections. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import {
  loadPackageDefinition,
  Metadata,
  Server,
  ServerCredentials,
  type ServerDuplexStream,
  type ServerUnaryCall,
  type ServerWritableStream,
  type ServiceClientConstructor,
  type sendUnaryData,
} from "@grpc/grpc-js";
import { loadFileDescriptorSetFromBuffer } from "@grpc/proto-loader";
import { systemClock } from "../../../../../src/base/clock.ts";
import type { ConvertAsk } from "../../../../../src/edge/gateway/convert/index.ts";
import { UpstreamPools } from "../../../../../src/edge/gateway/upstream/index.ts";
import { LIBRARY, load } from "../../../wire/protobuf/protos.ts";
import { GONE, Rig, TestBody } from "./fakes.ts";

interface Book {
  name: string;
}

const store = await load({ "library.proto": LIBRARY });
const server = new Server();
const upstreams = new UpstreamPools({ clock: systemClock });
let port = 0;
let cancelled!: () => void;
const wasCancelled = new Promise<void>((resolve) => {
  cancelled = resolve;
});

/** As a FileDescriptorSet: the messages of field 1. */
function descriptorSet(): Buffer {
  const varint = (value: number): number[] => (value < 128 ? [value] : [(value & 127) | 128, ...varint(value >>> 7)]);
  return Buffer.concat(
    store.fileBytes("library.proto")!.flatMap((file) => [Buffer.from([0x0a, ...varint(file.length)]), file]),
  );
}

beforeAll(async () => {
  const packages = loadPackageDefinition(
    loadFileDescriptorSetFromBuffer(descriptorSet(), { keepCase: true }),
  ) as unknown as {
    library: { v1: { Library: ServiceClientConstructor } };
  };
  server.addService(packages.library.v1.Library.service, {
    Get: (call: ServerUnaryCall<Book, Book>, answer: sendUnaryData<Book>) => {
      if (call.request.name === "none") return answer({ code: 5, details: "kein Buch: ü" });
      const metadata = new Metadata();
      metadata.set("x-head", String(call.metadata.get("x-own")[0]));
      call.sendMetadata(metadata);
      answer(null, { name: call.request.name });
    },
    Watch: (call: ServerWritableStream<Book, Book>) => {
      call.on("cancelled", () => cancelled());
      for (const name of ["1", "2", "3"]) call.write({ name });
      if (call.request.name === "stay") return;
      if (call.request.name === "fail") call.emit("error", { code: 14, details: "gone" });
      else call.end();
    },
    Chat: (call: ServerDuplexStream<Book, Book>) => {
      call.on("data", (book: Book) => call.write({ name: `${book.name}!` }));
      call.on("end", () => call.end());
    },
  });
  port = await new Promise<number>((resolve, reject) => {
    server.bindAsync("127.0.0.1:0", ServerCredentials.createInsecure(), (failure, bound) =>
      failure === null ? resolve(bound) : reject(failure),
    );
  });
});

afterAll(() => {
  server.forceShutdown();
  upstreams.close(GONE);
});

const ask: ConvertAsk = ({ head, body }, events) =>
  upstreams.ask(
    {
      origin: { scheme: "grpc", host: "127.0.0.1", port },
      head: { ...head, authority: `127.0.0.1:${port}` },
      body,
      timeouts: { connectMs: 5000 },
    },
    events,
  );

describe("convertJson() before a real server", () => {
  test("answers a unary call, and its failure", async () => {
    const rig = new Rig({ store, ask });
    const exchange = rig.post("/library.v1.Library/Get", `{"name":"x"}`, ["x-own", "mine"]);
    await exchange.answered;
    expect([exchange.status, exchange.json, exchange.header("x-head")]).toEqual([200, { name: "x" }, "mine"]);
    const failed = rig.send("GET", "/v1/books/none");
    await failed.answered;
    expect([failed.status, failed.json]).toEqual([
      404,
      { error: { code: 5, status: "NOT_FOUND", message: "kein Buch: ü" } },
    ]);
  });

  test("gives a stream, and its failure last", async () => {
    const rig = new Rig({ store, ask });
    const exchange = rig.post("/library.v1.Library/Watch", "{}");
    await exchange.answered;
    expect(exchange.sink!.bytes.toString()).toBe(`{"name":"1"}\n{"name":"2"}\n{"name":"3"}\n`);
    const failed = rig.post("/library.v1.Library/Watch", `{"name":"fail"}`);
    await failed.answered;
    expect(failed.sink!.bytes.toString()).toEndWith(`{"error":{"code":14,"status":"UNAVAILABLE","message":"gone"}}\n`);
  });

  test("cancels the call at the server when the client goes", async () => {
    const rig = new Rig({ store, ask });
    const exchange = rig.post("/library.v1.Library/Watch", `{"name":"stay"}`);
    const began = Promise.withResolvers<void>();
    const respond = exchange.respond.bind(exchange);
    exchange.respond = (head) => {
      began.resolve();
      return respond(head);
    };
    await began.promise;
    exchange.onGone!(GONE);
    await wasCancelled;
    expect(rig.converter.counts().failed["json-grpc"]).toBe(1);
  });

  test("streams both ways", async () => {
    const body = new TestBody([`{"name":"a"}\n{"name":"b"}\n`]);
    const exchange = new Rig({ store, ask }).send(
      "POST",
      "/library.v1.Library/Chat",
      ["content-type", "application/x-ndjson"],
      body,
    );
    await exchange.answered;
    expect(exchange.sink!.bytes.toString()).toBe(`{"name":"a!"}\n{"name":"b!"}\n`);
  });
});

/** Descriptors that come from the upstream. */
import { describe, expect, test } from "bun:test";
import { Failure } from "../../../../../src/base/errors.ts";
import {
  decodeReflectionRequest,
  encodeReflectionReply,
  frameMessage,
  type ReflectionReply,
} from "../../../../../src/wire/protobuf/index.ts";
import { LIBRARY, load } from "../../../wire/protobuf/protos.ts";
import { GONE, Rig, type TestCall } from "./fakes.ts";

const store = await load({ "library.proto": LIBRARY });

/** Reflects like a server that gives one file at a time, as most do. */
function reflecting(call: TestCall, version = "v1"): boolean {
  if (!call.request.head.target.startsWith("/grpc.reflection.")) return false;
  if (!call.request.head.target.startsWith(`/grpc.reflection.${version}.`)) {
    queueMicrotask(() => call.answer(["content-type", "application/grpc", "grpc-status", "12"]).end());
    return true;
  }
  let read = 0;
  const answer = (): void => {
    const sink = call.reply.sink ?? call.answer();
    for (; read < call.body.chunks.length; read++) {
      const asked = call.body.chunks[read]!.subarray(5);
      sink.write(frameMessage(encodeReflectionReply(replyTo(asked), asked)));
    }
  };
  queueMicrotask(() => {
    answer();
    call.body.onWrite = () => queueMicrotask(answer);
    answer();
  });
  return true;
}

function replyTo(asked: Uint8Array): ReflectionReply {
  const request = decodeReflectionRequest(asked)!;
  if (request.kind === "services")
    return { kind: "services", names: ["library.v1.Library", "grpc.reflection.v1.ServerReflection"] };
  const name = request.kind === "file" ? request.name : store.fileOf(request.name);
  const files = store.fileBytes(name ?? "");
  return files === undefined ? { kind: "error", code: 5, message: "no" } : { kind: "files", files: [files[0]!] };
}

/** Lets what is queued happen. */
async function settle(): Promise<void> {
  for (let turn = 0; turn < 50; turn++) await Promise.resolve();
}

describe("RouteDescriptors", () => {
  test.each(["v1", "v1alpha"])("are fetched once for many requests when the upstream speaks %s", async (version) => {
    const rig = new Rig();
    rig.upstream.onCall = (call) => void reflecting(call, version);
    const exchanges = [1, 2, 3].map(() =>
      rig.post("/library.v1.Library/Get", `{"name":"x"}`, ["authorization", "secret"]),
    );
    await settle();
    const [first, ...rest] = rig.upstream.calls.filter((call) =>
      call.request.head.target.startsWith("/grpc.reflection."),
    );
    expect([rest.length, first!.header("authorization")]).toEqual([version === "v1" ? 0 : 1, undefined]);
    expect(rig.upstream.calls.filter((call) => call.request.head.target === "/library.v1.Library/Get").length).toBe(3);
    expect([exchanges[0]!.status, rig.converter.counts().reflections]).toEqual([undefined, 1]);
    rig.send("GET", "/v1/books/x");
    expect(rig.upstream.call.request.head.target).toBe("/library.v1.Library/Get");
  });

  test("fail all that wait, and are not asked for again before the pause is over", async () => {
    const rig = new Rig();
    rig.upstream.onCall = (call) =>
      queueMicrotask(() => call.events.onFailure(new Failure("gateway.connect_failed", "10.0.0.1"), true));
    const exchange = rig.post("/library.v1.Library/Get", "{}");
    await settle();
    expect([exchange.status, rig.upstream.calls.length]).toEqual([503, 1]);
    expect([rig.post("/library.v1.Library/Get", "{}").status, rig.upstream.calls.length]).toEqual([503, 1]);
    rig.clock.advance(1000);
    rig.upstream.onCall = (call) => void reflecting(call);
    const again = rig.post("/library.v1.Library/Get", "{}");
    await settle();
    expect([again.status, rig.upstream.call.request.head.target]).toEqual([undefined, "/library.v1.Library/Get"]);
    expect(rig.converter.counts()).toMatchObject({ reflections: 2, reflectionsFailed: 1 });
  });

  test("are fetched again when a method is not known, but not all the time", async () => {
    const rig = new Rig();
    rig.upstream.onCall = (call) => void reflecting(call);
    rig.post("/library.v1.Library/Get", "{}");
    await settle();
    const early = rig.post("/library.v1.Library/New", "{}");
    expect([early.status, rig.converter.counts().reflections]).toEqual([404, 1]);
    rig.clock.advance(10_000);
    const late = rig.post("/library.v1.Library/New", "{}");
    await settle();
    expect([late.status, rig.converter.counts().reflections]).toEqual([404, 2]);
  });

  test("a client that goes while they are fetched is not served", async () => {
    const rig = new Rig();
    rig.upstream.onCall = (call) => void reflecting(call);
    rig.post("/library.v1.Library/Get", "{}").onGone!(GONE);
    await settle();
    expect(rig.upstream.calls.filter((call) => call.request.head.target === "/library.v1.Library/Get").length).toBe(0);
  });
});

import { describe, expect, test } from "bun:test";
import { Failure } from "../../../../../src/base/errors.ts";
import { holding } from "./holding.ts";
import { CoreRig } from "./rig.ts";

const ROUTE = "route|r|/*|http://up|max_response=4,retries=0";

describe("max_response", () => {
  test("handle() passes a reply on as it comes when it is short enough", () => {
    const rig = new CoreRig(ROUTE);
    const client = rig.send("/");
    const body = rig.asked().begins(200);
    body.write("ab");
    expect(client.text).toBe("ab");
    body.write("cd");
    body.sink!.end(["t", "1"]);
    expect([client.status, client.text, client.sink!.trailers]).toEqual([200, "abcd", ["t", "1"]]);
  });

  test("handle() refuses a reply when it says that it is longer, and stops the upstream", () => {
    const rig = new CoreRig(ROUTE);
    const client = rig.send("/");
    const body = rig.asked().begins(200, [], 5);
    expect([client.status, client.problem.code]).toEqual([502, "gateway.reply_too_large"]);
    expect(body.cancelled ?? rig.asked().cancelled).toBeDefined();
    const head = rig.send("/", { method: "HEAD" });
    rig.asked(1).replies(200, ["content-length", "5"]);
    expect(head.status).toBe(200);
  });

  test("handle() breaks a reply off when it turns out to be longer", () => {
    const rig = new CoreRig(ROUTE);
    const client = rig.send("/");
    const body = rig.asked().begins(200);
    body.write("abc");
    expect(body.write("de")).toBe(false);
    expect([client.text, client.resetBy]).toEqual(["abc", "gateway.reply_too_large"]);
    expect(body.cancelled?.code).toBe("gateway.reply_too_large");
    expect(rig.counts("r")).toMatchObject({ inFlight: 0 });
  });

  test("handle() refuses it when its first piece is too long, and nothing of it has gone out", () => {
    const rig = new CoreRig(ROUTE);
    const client = rig.send("/");
    const body = rig.asked().begins(200);
    expect(client.status).toBeUndefined();
    expect(body.write("abcde")).toBe(false);
    expect([client.status, client.problem.code, client.resetBy]).toEqual([502, "gateway.reply_too_large", undefined]);
    expect(body.cancelled?.code).toBe("gateway.reply_too_large");
    expect(rig.counts("r")).toMatchObject({ inFlight: 0 });
  });

  test("handle() refuses it when it breaks off before its first piece", () => {
    const rig = new CoreRig(ROUTE);
    const client = rig.send("/");
    rig.asked().begins(200).sink!.abort(new Failure("test.gone", "gone"));
    expect([client.status, client.problem.code]).toEqual([502, "test.gone"]);
  });

  test("handle() passes an empty one on with its end", () => {
    const rig = new CoreRig("route|r|/*|http://up|max_response=0,retries=0");
    const client = rig.send("/");
    rig.asked().begins(200).sink!.end();
    expect([client.status, client.text]).toEqual([200, ""]);
  });

  test.each(["text/event-stream; charset=utf-8", "application/grpc+proto"])(
    "handle() passes the head on at once when it is %s",
    (type) => {
      const rig = new CoreRig(ROUTE);
      const client = rig.send("/");
      rig.asked().begins(200, ["content-type", type]);
      expect(client.status).toBe(200);
    },
  );

  test("handle() tells whoever writes when the client takes more, and when it wants no more", () => {
    const rig = new CoreRig(ROUTE);
    const client = rig.send("/");
    const body = rig.asked().begins(200);
    body.write("a");
    client.sink!.onReady?.();
    expect(body.readies).toBe(1);
    client.sink!.onCancel?.(new Failure("test.gone", "gone"));
    expect(body.cancelled?.code).toBe("test.gone");
  });

  test("handle() refuses it when a guard behind had none of it sent yet", () => {
    const rig = new CoreRig(ROUTE, {
      guardsFor: () => ({
        steps: [],
        guards: [holding(100)],
      }),
    });
    const client = rig.send("/");
    rig.asked().begins(200).write("abcde");
    expect([client.status, client.problem.code]).toEqual([502, "gateway.reply_too_large"]);
  });
});

import { describe, expect, test } from "bun:test";
import { Failure } from "../../../../../src/base/errors.ts";
import type { LookingGuard, ReplyGuard, TakingGuard } from "../../../../../src/edge/gateway/core/index.ts";
import { CoreRig } from "./rig.ts";

const rigWith = (...guards: ReplyGuard[]) =>
  new CoreRig("route|r|/*|http://up|retries=0", { guardsFor: () => ({ steps: [], guards }) });

/** Takes bodies up to that size, and makes them loud. */
const loud = (bytesMax: number, more: Partial<LookingGuard> = {}): LookingGuard => ({
  isStrict: false,
  wants: () => bytesMax,
  look: (_passage, head, body) => ({ head, body: Buffer.from(Buffer.from(body).toString().toUpperCase()) }),
  ...more,
});
const REFUSAL = { status: 403, code: "waf.blocked", detail: "the request was refused" };

describe("guardReply()", () => {
  test("guardReply() gathers a reply and sends what the guards make of it when it is short enough", () => {
    const rig = rigWith(
      loud(10),
      loud(10, { look: (_p, head, body) => ({ head, body: Buffer.concat([body, Buffer.from("!")]) }) }),
    );
    const client = rig.send("/");
    const body = rig.asked().begins(200, ["x", "1"]);
    body.write("he");
    expect(client.head).toBeUndefined();
    body.write("llo");
    body.sink!.end(["t", "1"]);
    expect([client.status, client.text, client.header("x"), client.sink!.trailers]).toEqual([
      200,
      "HELLO!",
      "1",
      ["t", "1"],
    ]);
    expect(rig.ended).toHaveLength(1);
  });

  test("guardReply() passes a reply on unseen when a lenient guard takes less, with its back-pressure", () => {
    const rig = rigWith(loud(4));
    const client = rig.send("/");
    const body = rig.asked().begins(200);
    body.write("abc");
    expect(body.write("de")).toBe(true);
    client.sink!.takes = false;
    expect(body.write("f")).toBe(false);
    client.sink!.onReady!();
    expect(body.readies).toBe(1);
    body.sink!.end();
    expect(client.text).toBe("abcdef");
    const told = rig.send("/");
    rig.asked(1).begins(200, [], 5).write("x");
    expect(told.text).toBe("x");
  });

  test("guardReply() refuses a reply when a strict guard takes less, told or not, and stops the upstream", () => {
    const rig = rigWith(loud(4, { isStrict: true }));
    const client = rig.send("/");
    const body = rig.asked().begins(200);
    body.write("abc");
    expect(body.write("de")).toBe(false);
    expect([client.status, client.problem.code]).toEqual([502, "gateway.reply_too_large"]);
    expect(body.cancelled?.code).toBe("gateway.reply_too_large");
    const told = rig.send("/");
    rig.asked(1).begins(200, [], 5);
    expect(told.status).toBe(502);
    expect(rig.asked(1).cancelled?.code).toBe("gateway.reply_too_large");
    expect(rig.gateway.counts().inFlight).toBe(0);
  });

  test("guardReply() lets a guard see the beginning when it looks at beginnings", () => {
    const seen: string[] = [];
    const look: LookingGuard["look"] = (_passage, head, body) => {
      seen.push(Buffer.from(body).toString());
      return seen.length > 1 ? REFUSAL : { head, body };
    };
    const rig = rigWith(loud(4, { look, looksAtBeginnings: true }));
    const good = rig.send("/");
    rig.asked().replies(200, [], "abcdef");
    const bad = rig.send("/");
    const body = rig.asked(1).begins(200);
    body.write("ghijkl");
    expect([seen, good.text, bad.status]).toEqual([["abcd", "ghij"], "abcdef", 403]);
    expect(body.cancelled?.code).toBe("waf.blocked");
  });

  test("guardReply() keeps to the strictest when guards take different sizes", () => {
    const strict = rigWith(loud(100), loud(4, { isStrict: true }));
    const refused = strict.send("/");
    strict.asked().begins(200).write("abcde");
    expect(refused.status).toBe(502);
    const seen: number[] = [];
    const small = loud(2, {
      look: (_p, head, body) => {
        seen.push(body.byteLength);
        return { head, body };
      },
    });
    const rig = rigWith(small, loud(100));
    const client = rig.send("/");
    rig.asked().replies(200, [], "abc");
    expect([client.text, seen]).toEqual(["ABC", []]);
  });

  test("guardReply() refuses at the head when the head is enough, and nothing of the body goes out", () => {
    const rig = rigWith(loud(0, { look: () => REFUSAL }));
    const client = rig.send("/");
    const body = rig.asked().begins(200);
    expect([client.status, client.problem.code, body.sink, rig.asked().cancelled?.code]).toEqual([
      ...[403, "waf.blocked", undefined, "waf.blocked"],
    ]);
    expect(rig.ended).toHaveLength(1);
  });

  test("guardReply() changes heads when no body is wanted", () => {
    const look: LookingGuard["look"] = (_passage, head, body) => ({ head: { ...head, headers: ["seen", "1"] }, body });
    const rig = rigWith(loud(0, { look }));
    const client = rig.send("/");
    rig.asked().replies(200, ["secret", "1"], "body", ["t", "x"]);
    expect([client.head!.headers, client.text, client.sink!.trailers]).toEqual([["seen", "1"], "body", ["t", "x"]]);
  });

  test("guardReply() refuses when a guard breaks, wherever it looks", () => {
    const broken = () => {
      throw new Failure("gateway.body_unreadable", "no JSON");
    };
    for (const guard of [loud(9, { look: broken }), loud(0, { look: broken }), loud(9, { wants: broken })]) {
      const rig = rigWith(guard);
      const client = rig.send("/");
      rig.asked().replies(200, [], "x");
      expect([client.status, client.problem.code]).toEqual([400, "gateway.body_unreadable"]);
      expect(rig.ended).toHaveLength(1);
    }
  });

  test("guardReply() refuses when the reply breaks off before it was whole", () => {
    const rig = rigWith(loud(9));
    const client = rig.send("/");
    const body = rig.asked().begins(200);
    body.write("x");
    body.sink!.abort(new Failure("gateway.upstream_closed", "cut"));
    expect([client.status, client.problem.code]).toEqual([502, "gateway.upstream_closed"]);
  });

  test("guardReply() cancels the upstream when the client goes while the reply is gathered", () => {
    const rig = rigWith(loud(9));
    const client = rig.send("/");
    const body = rig.asked().begins(200);
    client.goes();
    expect(rig.asked().cancelled?.code).toBe("gateway.client_gone");
    body.write("x");
    body.sink!.end();
    expect([client.head, rig.ended.length]).toEqual([undefined, 1]);
  });

  test("guardReply() puts a reply through one that takes it, behind those before it and before those behind it", () => {
    let isOpen = false;
    const taking: TakingGuard = {
      isStrict: false,
      take: (_passage, head, length, open) => {
        const words = [`taken ${length}`];
        return {
          onReady: undefined,
          onCancel: undefined,
          write: (chunk) => words.push(`<${Buffer.from(chunk)}>`) > 0,
          end(trailers) {
            isOpen = true;
            const sink = open({ ...head, headers: [] }, 12);
            sink.write(Buffer.from(words.join(" ")));
            sink.end(trailers);
          },
          abort() {},
        };
      },
    };
    const marked = loud(20, {
      wants: (_passage, _head, length) => (length === 12 ? 20 : undefined),
      look: (_passage, head, body) => ({ head, body: Buffer.from(`${Buffer.from(body)}!`) }),
    });
    const rig = rigWith(loud(9), taking, marked);
    const client = rig.send("/");
    const body = rig.asked().begins(200, ["content-length", "9"]);
    body.write("a");
    body.write("b");
    expect([client.head, isOpen]).toEqual([undefined, false]);
    body.sink!.end(["t", "1"]);
    expect([client.text, client.head!.headers, client.sink!.trailers]).toEqual(["taken 2 <AB>!", [], ["t", "1"]]);
  });

  test("guardReply() refuses when one that takes replies does, or breaks", () => {
    const refusing: TakingGuard = { isStrict: true, take: () => REFUSAL };
    const broken: TakingGuard = {
      isStrict: true,
      take: () => {
        throw new Failure("gateway.body_unreadable", "no JSON");
      },
    };
    const codes = [refusing, broken].map((guard) => {
      const rig = rigWith(guard);
      const client = rig.send("/");
      rig.asked().replies(200, [], "secret");
      return [client.problem.code, client.text.includes("secret"), rig.ended.length];
    });
    expect(codes).toEqual([
      ["waf.blocked", false, 1],
      ["gateway.body_unreadable", false, 1],
    ]);
  });

  test("inform() tells nothing when a guard is strict", () => {
    const rig = rigWith(loud(9, { isStrict: true }));
    const client = rig.send("/");
    rig.asked().events.onInform!({ status: 103, headers: ["link", "</secret>"] });
    expect(client.informed).toEqual([]);
  });
});

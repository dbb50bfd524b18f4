/** Named targets asked through the private door of another process: over a real unix socket. */
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { statSync } from "node:fs";
import { dirname } from "node:path";
import fc from "fast-check";
import { type NamedDoor, openNamedDoor } from "../../../../../src/app/gateway/processes/named-door.ts";
import { readQuestion, writeQuestion } from "../../../../../src/app/gateway/processes/named-question.ts";
import { remoteNamed } from "../../../../../src/app/gateway/processes/remote-named.ts";
import { Failure } from "../../../../../src/base/errors.ts";
import type { NamedRequest, NamedTargets } from "../../../../../src/edge/gateway/upstream/index.ts";
import type { NamedTarget } from "../../../../../src/edge/gateway/words/index.ts";
import { type BodySink, BytesSource, gather, NO_BODY, type ReplyHead } from "../../../../../src/wire/http/index.ts";
import { codeOf } from "../../../../support/auth.ts";
import { until } from "../../../../support/until.ts";
import { Workspace } from "../../../../support/workspace.ts";

const TARGET: NamedTarget = { kind: "service", service: "greeter", method: "greet" };
const REQUEST: NamedRequest = {
  head: {
    ...{ method: "POST", target: "/a?b=c", scheme: "https", authority: "h", version: "1.1" },
    headers: ["x-one", "1", "x-two", "zwei ü"],
  },
  timeouts: { connectMs: 1_000, totalMs: 5_000 },
  context: { params: { name: "ann" }, caller: { name: "bob", claims: { sub: "bob" } } },
};

interface Answer {
  readonly head: ReplyHead;
  readonly text: string;
}

let folder: Workspace;
let door: NamedDoor | undefined;

beforeEach(() => {
  folder = new Workspace();
});

afterEach(async () => {
  await door?.close();
  door = undefined;
  folder[Symbol.dispose]();
});

function open(ask: NamedTargets["ask"]): NamedTargets {
  door = openNamedDoor(folder.path, { ask });
  return remoteNamed(door.path);
}

/** To the end of its reply. */
function answered(named: NamedTargets, request: NamedRequest = REQUEST): Promise<Answer> {
  return new Promise((resolve, reject) => {
    named.ask(TARGET, request, {
      onReply: (head, body) =>
        gather(body, 1e9, (outcome) =>
          outcome instanceof Failure ? reject(outcome) : resolve({ head, text: Buffer.from(outcome.bytes).toString() }),
        ),
      onFailure: reject,
    });
  });
}

describe("openNamedDoor(), remoteNamed()", () => {
  test("the question comes as it was asked, and the reply as it was given", async () => {
    let asked: unknown;
    const named = open((target, { body, ...request }, events) => {
      gather(body ?? NO_BODY, 1e6, (outcome) => {
        asked = [target, request, outcome instanceof Failure ? outcome : Buffer.from(outcome.bytes).toString()];
        const headers = ["x-answer", "yes", "set-cookie", "a=1", "set-cookie", "b=2"];
        events.onReply({ status: 201, headers }, new BytesSource(Buffer.from("done")));
      });
      return { cancel() {} };
    });
    const { head, text } = await answered(named, { ...REQUEST, body: new BytesSource(Buffer.from("the body")) });
    expect(asked).toEqual([
      TARGET,
      { head: REQUEST.head, timeouts: REQUEST.timeouts, context: REQUEST.context },
      "the body",
    ]);
    expect([head.status, text]).toEqual([201, "done"]);
    expect(head.headers.filter((_, at, all) => at % 2 === 1 && all[at - 1] === "set-cookie")).toEqual(["a=1", "b=2"]);
    expect(head.headers[head.headers.indexOf("x-answer") + 1]).toBe("yes");
  });

  test("a failure keeps code, message, data, and whether it was sent", async () => {
    for (const isUnsent of [true, false]) {
      const failure = new Failure("gateway.not_ready", "the node öpens", { retryable: true, data: { a: 1 } });
      const named = open((_target, _request, events) => {
        events.onFailure(failure, isUnsent);
        return { cancel() {} };
      });
      const heard = await new Promise<readonly unknown[]>((resolve) => {
        named.ask(TARGET, REQUEST, { onReply: () => resolve([]), onFailure: (...all) => resolve(all) });
      });
      expect([(heard[0] as Failure).toJSON(), heard[1]]).toEqual([failure.toJSON(), isUnsent]);
      await door?.close();
    }
  });

  test("what a target says about itself is not taken for a failure of the door", async () => {
    const named = open((_target, _request, events) => {
      const headers = ["x-distributed-system-failed", "%7B%7D"];
      events.onReply({ status: 200, headers }, new BytesSource(Buffer.from("fine")));
      return { cancel() {} };
    });
    expect((await answered(named)).text).toBe("fine");
  });

  test("a stream comes piece by piece, is held back when it is not taken, and its writer hears when nobody wants it", async () => {
    let cancelled: Failure | undefined;
    let isFull = false;
    let sink: BodySink | undefined;
    const named = open((_target, _request, events) => {
      events.onReply(
        { status: 200, headers: ["content-type", "text/event-stream"] },
        {
          length: undefined,
          start(given) {
            sink = given;
            given.onReady = () => {
              isFull = false;
            };
            given.onCancel = (cause) => {
              cancelled = cause;
            };
            isFull = !given.write(Buffer.from("first\n"));
          },
          cancel() {},
        },
      );
      return { cancel() {} };
    });
    const pieces: string[] = [];
    const call = named.ask(TARGET, REQUEST, {
      onReply: (_head, body) =>
        body.start({
          onReady: undefined,
          onCancel: undefined,
          write: (chunk) => pieces.push(Buffer.from(chunk).toString()) < 2, // two are enough
          end() {},
          abort() {},
        }),
      onFailure: (failure) => pieces.push(failure.code),
    });
    await until("the first piece is there", () => pieces.join("") === "first\n");
    isFull = !sink!.write(Buffer.from("second\n"));
    await until("the second piece is there", () => pieces.join("") === "first\nsecond\n");
    const large = Buffer.alloc(1024 * 1024, 46);
    for (let at = 0; at < 64 && !isFull; at++) isFull = !sink!.write(large);
    await until("the writer is held back", () => {
      if (!isFull) isFull = !sink!.write(large);
      return isFull;
    });
    call.cancel(new Failure("gateway.client_gone", "went"));
    await until("the writer is told", () => cancelled !== undefined);
  });

  test("whoever asks is heard to go before there is any reply", async () => {
    let cancelled: Failure | undefined;
    let isAsked = false;
    const named = open(() => {
      isAsked = true;
      return {
        cancel(cause) {
          cancelled = cause;
        },
      };
    });
    const heard: string[] = [];
    const call = named.ask(TARGET, REQUEST, {
      onReply: () => heard.push("reply"),
      onFailure: ({ code }) => heard.push(code),
    });
    await until("it is asked", () => isAsked);
    call.cancel(new Failure("gateway.client_gone", "went"));
    await until("the target is told", () => cancelled !== undefined);
    expect([cancelled?.code, heard]).toEqual(["gateway.client_gone", []]);
  });

  test("a main process that is gone is a failure, and a reply without a body has none", async () => {
    const named = open((_target, _request, events) => {
      events.onReply({ status: 204, headers: [] }, new BytesSource(Buffer.from("unwanted")));
      return { cancel() {} };
    });
    expect(await answered(named)).toMatchObject({ head: { status: 204 }, text: "" });
    await door?.close();
    expect(await codeOf(() => answered(named))).toBe("gateway.upstream_closed");
  });

  test("nobody but this user can open the door, and it is gone when it was closed", async () => {
    open(() => ({ cancel() {} }));
    const { path } = door!;
    expect([statSync(path).mode & 0o777, statSync(dirname(path)).mode & 0o777]).toEqual([0o600, 0o700]);
    await door?.close();
    expect(statSync(path, { throwIfNoEntry: false })).toBeUndefined();
  });
});

describe("writeQuestion(), readQuestion()", () => {
  test("readQuestion() gives what was written, whatever the body is", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), fc.string(), (body, text) => {
        const request = { ...REQUEST, head: { ...REQUEST.head, headers: ["x-text", text] } };
        const read = readQuestion(writeQuestion({ target: TARGET, request }, body));
        expect([Buffer.from(read.body), read.question.request.head, read.question.target]).toEqual([
          ...[Buffer.from(body), request.head, TARGET],
        ]);
      }),
    );
  });

  test("readQuestion() refuses bytes that are not whole", async () => {
    const whole = writeQuestion({ target: TARGET, request: REQUEST }, new Uint8Array(0));
    for (const size of [0, 3, 4, 10, whole.byteLength - 1])
      expect(await codeOf(() => readQuestion(whole.subarray(0, size)))).toBe("gateway.named_door");
    expect(await codeOf(() => readQuestion(Uint8Array.of(255, 255, 255, 255, 0)))).toBe("gateway.named_door");
  });
});

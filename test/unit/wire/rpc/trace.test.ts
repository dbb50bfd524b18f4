/** W3C trace context on its way through a call. */
import { describe, expect, test } from "bun:test";
import { z } from "zod";
import {
  createClient,
  Dispatcher,
  defineContract,
  httpTransport,
  implement,
  serveContracts,
} from "../../../../src/wire/rpc/index.ts";
import { traceparentOf } from "../../../../src/wire/rpc/trace.ts";
import { OWNER, TimerClock } from "./support.ts";

const TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

const traced = defineContract({
  name: "traced",
  version: 1,
  about: "tells its trace",
  methods: { tell: { about: "tell it", input: z.object({}), output: z.string(), access: "read" } },
});

describe("traceparentOf()", () => {
  for (const fine of [TRACE, TRACE.replace(/^00/, "01"), `${TRACE.replace(/^00/, "cc")}-what-comes`]) {
    test(`traceparentOf() keeps ${fine}`, () => {
      expect(traceparentOf(fine)).toBe(fine);
    });
  }

  for (const odd of [
    undefined,
    7,
    "",
    "00-abc",
    `${TRACE}-more`,
    `${TRACE}\n`,
    TRACE.toUpperCase(),
    TRACE.replace(/^00/, "ff"),
    TRACE.replace("0af7651916cd43dd8448eb211c80319c", "0".repeat(32)),
    TRACE.replace("b7ad6b7169203331", "0".repeat(16)),
    `${TRACE.replace(/^00/, "01")}-${"x".repeat(200)}`,
  ]) {
    test(`traceparentOf() drops ${JSON.stringify(odd)}`, () => {
      expect(traceparentOf(odd)).toBeUndefined();
    });
  }
});

describe("CallContext.traceparent", () => {
  test("a call over HTTP brings its traceparent to the method, and none when it has not the form", async () => {
    const clock = new TimerClock();
    const service = implement(traced, { tell: (_, { traceparent }) => traceparent ?? "none" });
    const handle = serveContracts(new Dispatcher([service], { clock }), { clock, authenticate: () => OWNER });
    const headers: (string | null)[] = [];
    const send = (path: string, init: RequestInit): Promise<Response> => {
      const request = new Request(`http://localhost${path}`, init);
      headers.push(request.headers.get("traceparent"));
      return handle(request);
    };
    const client = createClient(traced, httpTransport(send, "the test"), { clock });
    expect(await client.tell({}, { traceparent: TRACE })).toBe(TRACE);
    expect(await client.tell({}, { traceparent: "00-odd" })).toBe("none");
    expect(await client.tell({})).toBe("none");
    expect(headers).toEqual([TRACE, null, null]);
    const foreign = (traceparent: string): Promise<Response> =>
      handle(
        new Request("http://localhost/rpc/traced/tell", {
          method: "POST",
          body: "{}",
          headers: { "content-type": "application/json", traceparent },
        }),
      );
    expect(await (await foreign(TRACE)).json()).toBe(TRACE);
    expect(await (await foreign("x".repeat(1_000))).json()).toBe("none");
  });
});

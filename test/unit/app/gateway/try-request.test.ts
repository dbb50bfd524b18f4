/** `gateway try` speaks as the gateway file does, and takes no words that are none. */
import { describe, expect, test } from "bun:test";
import { tryRequest } from "../../../../src/app/gateway/ask-gateway.ts";
import { tried } from "../../../../src/app/gateway/try-request.ts";
import { parseGatewayFile } from "../../../../src/edge/gateway/file/index.ts";
import { RouteTable } from "../../../../src/edge/gateway/route/index.ts";

describe("tried()", () => {
  test("tried() names places and scopes as the file does when the route has masks and scopes", () => {
    const text = "route|a|/*|http://u|auth=token,scopes=a.b;a.c\nmask|request;response;log|card|mask";
    const { faults, plan } = parseGatewayFile(text, "g.txt");
    expect(faults).toEqual([]);
    const { guards } = tried(plan, new RouteTable(plan.routes, "keep"), { method: "GET", url: "/x" });
    expect(guards).toEqual(["auth token with a.b and a.c", "mask mask-1: mask in request, response, log"]);
  });
});

describe("tryRequest()", () => {
  test.each([
    [{ method: "G T", client: undefined }, "METHOD is"],
    [{ method: "GET", client: "nonsense" }, "--client is"],
    [{ method: "GET", client: "10.0.0.1:80" }, "--client is"],
  ])("tryRequest() fails when it is asked with %j", async (words, message) => {
    const asked = tryRequest({} as Parameters<typeof tryRequest>[0], { url: "/", headers: [], ...words }, "none.txt");
    const failure = await asked.then(
      () => undefined,
      (thrown) => thrown,
    );
    expect([failure?.code, failure?.message]).toEqual(["usage.gateway", expect.stringContaining(message)]);
  });
});

import { expect, test } from "bun:test";
import { methodFrom, paramsFrom } from "../../../src/cli/service-flags.ts";
import { describedText, localTable, rescanText, servicesTable } from "../../../src/cli/view/services.ts";
import { describeFake } from "../../support/fake-services.ts";

test("servicesTable() has a line for each version, and no control characters", () => {
  const methods = [{ name: "who", about: "", isPublic: true }];
  const base = { about: "\x1b[31mred", tags: ["a", "b"], methods, nodes: [{ node: "n1", healthy: 2 }], healthy: 2 };
  const text = servicesTable([{ service: "users", version: "1.0.0", ...base }]);
  expect(text.split("\n")[2]).toMatch(/^users +1\.0\.0 +1 +2 +1 +a,b /);
  expect(text).not.toContain("\x1b");
});

test("localTable() shows processes that do not serve, and why a service has failed", () => {
  const text = localTable([
    {
      file: "/s/users.ts",
      state: "failed",
      fault: "a comma is missing",
      restarts: 5,
      processes: [
        { pid: 7, state: "serving", inFlight: 0 },
        { pid: 8, state: "unhealthy", inFlight: 0 },
      ],
      waiting: 0,
      calls: 0,
    },
  ]);
  expect(text).toContain("7, 8 unhealthy");
  expect(text.split("\n").at(-1)).toBe("/s/users.ts: a comma is missing");
});

test("describedText() says of each method who may call it", () => {
  const methods = {
    get: { isIdempotent: true, endpoints: [{ verb: "GET", path: "/users/:id" }] as const },
    tidy: { isPublic: false },
  };
  const description = { ...describeFake({ methods }) };
  const places = [{ node: "n1", service: "users", version: "1.0.0", tags: [], healthy: 2 }];
  const text = describedText({ description, places });
  expect(text).toMatch(/get +read +idempotent +GET \/users\/:id/);
  expect(text).toMatch(/tidy +internal/);
  expect(text).toContain("on n1 (2)");
});

test("rescanText() has a line for each change and fault", () => {
  const faults = [{ file: "/s/x.ts", message: "no" }];
  const report = {
    started: ["a@1.0.0"],
    swapped: ["b@1.0.0"],
    stopped: ["c@1.0.0"],
    unchanged: ["d@1.0.0"],
    starting: ["e@1.0.0"],
    faults,
  };
  expect(rescanText(report).split("\n")).toEqual([
    "started a@1.0.0",
    "swapped b@1.0.0",
    "stopped c@1.0.0",
    "starting e@1.0.0, which takes its time",
    "fault   /s/x.ts: no",
    "1 unchanged",
  ]);
});

test.each([
  ["users.get", { service: "users", method: "get" }],
  ["users@1.2.0.get", { service: "users@1.2.0", method: "get" }],
])("methodFrom() reads %s", (text, expected) => {
  expect(methodFrom(text)).toEqual(expected);
});

test.each(["users", ".get", "users.", ""])("methodFrom() refuses %j", (text) => {
  expect(() => methodFrom(text)).toThrow("SERVICE.METHOD is required");
});

test("paramsFrom() takes any JSON, the empty object for nothing, and refuses the rest", async () => {
  expect(await paramsFrom(undefined)).toEqual({});
  expect(await paramsFrom('{"id":7}')).toEqual({ id: 7 });
  expect(await paramsFrom("7")).toBe(7);
  expect(paramsFrom("{id: 7}")).rejects.toMatchObject({ code: "usage.params" });
});

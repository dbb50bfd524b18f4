import { describe, expect, test } from "bun:test";
import type { EventView } from "../../../../src/edge/dashboard/index.ts";
import { identityOf, takeToken } from "../../../../src/edge/dashboard/page/logic/access.ts";
import { FieldFault, parseParams, swapStageAction } from "../../../../src/edge/dashboard/page/logic/actions.ts";
import { NO_EVENTS, withEvents } from "../../../../src/edge/dashboard/page/logic/events.ts";
import { age, percent, perSecond, plural, short } from "../../../../src/edge/dashboard/page/logic/numbers.ts";
import { MARK_MS, RestartMarks } from "../../../../src/edge/dashboard/page/logic/restart-marks.ts";
import { isGateway, pageOf } from "../../../../src/edge/dashboard/page/logic/roles.ts";
import { overviewOf, treeView } from "../../../support/overview.ts";

describe("takeToken()", () => {
  test("takeToken() takes the token and leaves what else the address says", () => {
    expect(takeToken("#token=a.b-c_d")).toEqual({ token: "a.b-c_d", rest: "" });
    expect(takeToken("#pipelines")).toEqual({ token: undefined, rest: "pipelines" });
    expect(takeToken("#x=1&token=abc")).toEqual({ token: "abc", rest: "x=1" });
  });

  test("takeToken() takes nothing that could not stand in a header", () => {
    expect(takeToken("#token=a%0ab").token).toBeUndefined();
    expect(takeToken("#token=")).toEqual({ token: undefined, rest: "" });
  });
});

describe("identityOf()", () => {
  test("identityOf() says who may act, by access or by role", () => {
    expect(identityOf({ name: "alice", role: "operator", access: "operate" })).toEqual({
      ...{ name: "alice", role: "operator", mayOperate: true },
    });
    expect(identityOf({ name: "bob", role: "viewer", access: "read" }).mayOperate).toBe(false);
    expect(identityOf({ name: "cli", access: "admin" }).mayOperate).toBe(true);
    expect(identityOf(undefined)).toEqual({ name: "unknown", role: "viewer", mayOperate: false });
  });
});

describe("isGateway()", () => {
  test("isGateway() is true for members with that role that may be there, and pageOf() is their page", () => {
    const roles = ["gateway"];
    expect(["alive", "suspect", "dead", "left"].map((state) => isGateway({ roles, state }))).toEqual([
      ...[true, true, false, false],
    ]);
    expect(isGateway({ roles: ["worker"], state: "alive" })).toBe(false);
    expect(pageOf("[::1]:8080", "https:", "gateway")).toBe("https://[::1]:8080/#gateway");
  });
});

describe("parseParams()", () => {
  test("parseParams() takes one name and value a line, also names that objects are born with", () => {
    expect(parseParams("rate=3\n\n text = a=b \n")).toEqual({ rate: "3", text: "a=b" });
    expect(Object.entries(parseParams("__proto__=x"))).toEqual([["__proto__", "x"]]);
  });

  test("parseParams() names the line that it cannot take", () => {
    expect(() => parseParams("a=1\nnonsense")).toThrow("line 2 is “nonsense”");
    expect(() => parseParams("=1")).toThrow(FieldFault);
  });

  test("swapStageAction() leaves out parameters when there are none, and requires an absolute path", () => {
    const action = swapStageAction({ id: "p1", name: "orders" }, "enrich", undefined);
    expect(action.request({ library: " /x.ts ", params: "" }).input).toEqual({
      ...{ pipeline: "p1", stage: "enrich", library: "/x.ts" },
    });
    expect(() => action.request({ library: "x.ts" })).toThrow("an absolute path");
  });
});

describe("withEvents()", () => {
  const event = (id: number): EventView => ({ id, atMs: 0, level: "info", kind: "k", subject: "s", text: "t" });
  const answer = (life: string, ...ids: number[]) =>
    overviewOf({ life, events: ids.map(event), lastEvent: ids.at(-1) ?? 0 });

  test("withEvents() adds what is new, and begins anew with the node's life", () => {
    const first = withEvents(NO_EVENTS, answer("one", 1, 2));
    const second = withEvents(first, answer("one", 2, 3));
    expect(second.events.map(({ id }) => id)).toEqual([1, 2, 3]);
    expect(second.lastId).toBe(3);
    const other = withEvents(second, answer("two", 1));
    expect(other.events.map(({ id }) => id)).toEqual([1]);
  });

  test("withEvents() gives the same list when nothing is new, and keeps 500", () => {
    const all = withEvents(NO_EVENTS, answer("one", ...Array.from({ length: 700 }, (_, index) => index + 1)));
    expect(all.events.length).toBe(500);
    expect(all.events[0]!.id).toBe(201);
    expect(withEvents(all, answer("one"))).toBe(all);
  });
});

describe("RestartMarks", () => {
  test("agoMs() marks what has restarted since the page looks, for a while", () => {
    const marks = new RestartMarks();
    const at = (restarts: number, nowMs: number): void => {
      const tree = treeView("root", { children: [treeView("lane 1", { restarts })] });
      marks.see([{ pid: 7, command: "run", name: "x", isSelf: false, tree }], nowMs);
    };
    at(3, 0);
    expect(marks.agoMs("7/root/lane 1", 0)).toBeUndefined();
    at(4, 1_000);
    at(4, 2_000);
    expect(marks.agoMs("7/root/lane 1", 2_000)).toBe(1_000);
    expect(marks.agoMs("7/root", 2_000)).toBeUndefined();
    expect(marks.agoMs("7/root/lane 1", 1_001 + MARK_MS)).toBeUndefined();
  });
});

describe("numbers", () => {
  test("short() writes counts and rates in a few characters", () => {
    const numbers = [0, 0.44, 7, 9.96, 999, 9_999, 12_400, 3_140_000, 2e9];
    expect(numbers.map(short)).toEqual(["0", "0.4", "7", "10.0", "999", "9,999", "12.4k", "3.1M", "2.0G"]);
    expect(short(undefined)).toBe("–");
  });

  test("perSecond(), percent(), age() and plural() say what people say", () => {
    expect([perSecond(12), perSecond(undefined), percent(0.456), percent(undefined)]).toEqual([
      "12/s",
      "–",
      "46 %",
      "–",
    ]);
    expect([-5, 59_999, 60_000, 7_200_000, 200_000_000].map(age)).toEqual(["0 s", "59 s", "1 m", "2 h", "2 d"]);
    expect([plural(1, "node"), plural(1_200, "node")]).toEqual(["1 node", "1,200 nodes"]);
  });
});

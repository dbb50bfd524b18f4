import { describe, expect, test } from "bun:test";
import { serviceEvent } from "../../../../src/app/front/service-event.ts";

const about = { service: "users@1.0.0", file: "/srv/users.ts" };

describe("serviceEvent()", () => {
  test("tells a swap from a restart", () => {
    expect(serviceEvent({ kind: "swapped", ...about, from: "users@0.9.0" })).toMatchObject({
      ...{ kind: "swap", subject: about.service },
      text: "took the place of users@0.9.0",
    });
    expect(serviceEvent({ kind: "swapped", ...about, from: about.service }).text).toStartWith("was restarted");
  });

  test("makes failures errors, and processes that end warnings", () => {
    expect(serviceEvent({ kind: "failed", ...about, reason: "no init" })).toMatchObject({ level: "error" });
    expect(serviceEvent({ kind: "serves", ...about, processes: 1 }).text).toBe("takes calls with 1 process");
  });
});

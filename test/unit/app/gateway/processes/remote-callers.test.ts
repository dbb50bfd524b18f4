/** Whose token it is, asked of another process: what is remembered, how long, and what is not. */
import { describe, expect, test } from "bun:test";
import { Asked } from "../../../../../src/app/gateway/processes/asked.ts";
import { REMEMBERED_MS, RemoteCallers } from "../../../../../src/app/gateway/processes/remote-callers.ts";
import { Failure } from "../../../../../src/base/errors.ts";
import type { Caller } from "../../../../../src/wire/rpc/index.ts";
import { codeOf } from "../../../../support/auth.ts";
import { SteppedClock } from "../../../../support/stepped-clock.ts";

const HOUR_MS = 3_600_000;

class Rig {
  readonly clock = new SteppedClock();
  readonly sent: { readonly id: number; readonly token: string; readonly address: string | undefined }[] = [];
  readonly callers = new RemoteCallers(this.clock, (id, token, address) => this.sent.push({ id, token, address }));

  ask(token: string): Caller | Promise<Caller> {
    const headers = { get: (name: string) => (name === "authorization" ? `Bearer ${token}` : null) };
    return this.callers.authenticate({ headers }, { address: "192.0.2.1" });
  }

  caller(over: Partial<Caller> = {}): Caller {
    const token = { id: "t1", expiresAtMs: this.clock.now() + HOUR_MS };
    return { name: "ann", access: "read", scopes: [], token, ...over };
  }

  /** Asks, and has it answered so. */
  async answered(token: string, caller: Caller): Promise<Caller> {
    const asked = this.ask(token);
    this.callers.answered(this.sent.at(-1)!.id, caller);
    return asked;
  }
}

describe("RemoteCallers.authenticate()", () => {
  test("authenticate() asks once, and believes the answer for so long and no longer", async () => {
    const rig = new Rig();
    const caller = await rig.answered("one", rig.caller());
    expect(rig.sent).toEqual([{ id: 1, token: "one", address: "192.0.2.1" }]);
    rig.clock.advance(REMEMBERED_MS - 1);
    expect(rig.ask("one")).toBe(caller);
    rig.clock.advance(1);
    expect(rig.ask("one")).toBeInstanceOf(Promise);
    expect(rig.sent.length).toBe(2);
  });

  test("authenticate() asks again when the token has ended by itself", async () => {
    const rig = new Rig();
    await rig.answered("one", rig.caller({ token: { id: "t1", expiresAtMs: rig.clock.now() + 500 } }));
    rig.clock.advance(501);
    void rig.ask("one");
    expect(rig.sent.length).toBe(2);
  });

  test("authenticate() asks each time when a token may be shown once only, or was refused", async () => {
    const rig = new Rig();
    await rig.answered("once", { name: "node", access: "node" });
    await rig.answered("once", { name: "node", access: "node" });
    expect(rig.sent.length).toBe(2);
    const refused = Promise.resolve(rig.ask("bad"));
    rig.callers.refused(3, new Failure("rpc.unauthenticated", "no"));
    expect(await codeOf(() => refused)).toBe("rpc.unauthenticated");
    const again = Promise.resolve(rig.ask("bad"));
    rig.callers.refused(4, new Failure("auth.locked_out", "no"));
    expect(await codeOf(() => again)).toBe("auth.locked_out");
  });

  test("authenticate() refuses at once when there is no bearer token", async () => {
    const rig = new Rig();
    expect(await codeOf(() => rig.callers.authenticate({ headers: { get: () => null } }))).toBe("rpc.unauthenticated");
    expect(await codeOf(() => rig.callers.authenticate({ headers: { get: () => "Basic YTpi" } }))).toBe(
      "rpc.unauthenticated",
    );
    expect(rig.sent).toEqual([]);
  });

  test("authenticate() fails when nobody answers in time, and a late answer is dropped", async () => {
    const rig = new Rig();
    const asked = Promise.resolve(rig.ask("one"));
    rig.clock.advance(5_000);
    expect(await codeOf(() => asked)).toBe("gateway.process_silent");
    rig.callers.answered(1, rig.caller());
    expect(rig.ask("one")).toBeInstanceOf(Promise);
  });
});

describe("Asked", () => {
  test("ask() refuses when too many wait, and close() fails all that wait", async () => {
    const clock = new SteppedClock();
    const asked = new Asked<number>(clock, "asking", 1_000);
    const waiting = Array.from({ length: 10_000 }, () => asked.ask(() => {}));
    expect(await codeOf(() => asked.ask(() => {}))).toBe("gateway.process_busy");
    asked.answer(1, 7);
    expect(await waiting[0]).toBe(7);
    const last = asked.ask(() => {});
    asked.close(new Failure("gateway.process_gone", "gone"));
    expect(await codeOf(() => last)).toBe("gateway.process_gone");
    const codes = await Promise.all(waiting.slice(1).map((each) => codeOf(() => each)));
    expect(new Set(codes)).toEqual(new Set(["gateway.process_gone"]));
  });
});

import { expect, test } from "bun:test";
import { healthOf } from "../../../../src/app/system/health.ts";
import { systemContract } from "../../../../src/app/system/system-contract.ts";
import { systemService } from "../../../../src/app/system/system-service.ts";
import { systemClock } from "../../../../src/base/clock.ts";
import { Dispatcher } from "../../../../src/wire/rpc/index.ts";

const well = { node: "n1", isOpen: () => true, isDraining: () => false, checks: [] };
const bad = { name: "partition", ok: false, detail: "on the losing side" };

test("healthOf() is ok and ready when it is open and every check is", () => {
  expect(healthOf({ ...well, checks: [() => ({ name: "joined", ok: true })] })).toEqual({
    status: "ok",
    ready: true,
    node: "n1",
    checks: [{ name: "joined", ok: true }],
  });
});

test("healthOf() is not ready while it starts and while it drains", () => {
  expect(healthOf({ ...well, isOpen: () => false })).toMatchObject({ status: "starting", ready: false });
  expect(healthOf({ ...well, isDraining: () => true })).toMatchObject({ status: "draining", ready: false });
});

test("healthOf() is degraded when a check fails, and not ready when that is required", () => {
  expect(healthOf({ ...well, checks: [() => bad] })).toMatchObject({ status: "degraded", ready: true, checks: [bad] });
  const required = healthOf({ ...well, checks: [() => ({ ...bad, isRequired: true })] });
  expect(required).toMatchObject({ status: "degraded", ready: false, checks: [bad] });
});

test("systemService() answers both methods in the contract's form", async () => {
  const service = systemService({
    clock: systemClock,
    version: "1.2.3",
    startedMs: systemClock.now() - 1_000,
    self: () => ({ node: "n1", name: "n1", address: "127.0.0.1:1", roles: ["worker"] }),
    health: () => healthOf(well),
  });
  const dispatcher = new Dispatcher([service], { clock: systemClock });
  const caller = { name: "test", access: "read" } as const;
  for (const method of Object.keys(systemContract.methods)) {
    const reply = await dispatcher.call({ contract: "system", method, input: {}, caller });
    expect(reply.ok).toBe(true);
  }
});

import { describe, expect, test } from "bun:test";
import { Lateness } from "../../../../../src/edge/gateway/rule/lateness.ts";

describe("Lateness", () => {
  test("isBusy() says no when one tick of processor time has come between two looks", () => {
    const lateness = new Lateness();
    const said = [1_230, 1_230, 1_240, 1_240, 1_240].map((cpuMs) => lateness.isBusy(cpuMs));
    expect(said).toEqual([false, false, false, false, false]);
  });

  test("isBusy() says yes when its host has worked for three ticks since the first look", () => {
    const lateness = new Lateness();
    expect([500, 510, 520, 530].map((cpuMs) => lateness.isBusy(cpuMs))).toEqual([false, false, false, true]);
  });

  test("isBusy() says no when nobody knows what its host uses", () => {
    const lateness = new Lateness();
    expect([undefined, 900, undefined].map((cpuMs) => lateness.isBusy(cpuMs))).toEqual([false, false, false]);
  });
});

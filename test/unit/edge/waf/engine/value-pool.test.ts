import { expect, test } from "bun:test";
import { POOLED_BYTES_MAX, POOLED_VALUES_MAX } from "../../../../../src/edge/waf/engine/limits.ts";
import { ValuePool } from "../../../../../src/edge/waf/engine/value-pool.ts";

test("ValuePool keeps a value when it is met again", () => {
  const pool = new ValuePool();
  pool.admit("name");
  expect(pool.get("name")).toBeUndefined();
  const kept = pool.admit("name");
  expect(kept.value).toBe("name");
  expect(pool.get("name")).toBe(kept);
});

test("ValuePool keeps nothing that decoders would make many forms of", () => {
  const pool = new ValuePool();
  for (const value of ["a%20b", "a+b", "&lt;", "a\\b", "\xe9"]) {
    pool.admit(value);
    pool.admit(value);
    expect(pool.get(value)).toBeUndefined();
  }
  expect(ValuePool.takes("a".repeat(POOLED_BYTES_MAX + 1))).toBe(false);
});

test("ValuePool is bounded, and what is asked for stays longest", () => {
  const pool = new ValuePool();
  pool.admit("often");
  pool.admit("often");
  for (let at = 0; at < POOLED_VALUES_MAX * 4; at += 1) {
    pool.admit(`v${at}`);
    pool.admit(`v${at}`);
    pool.get("often");
    expect(pool.size).toBeLessThanOrEqual(POOLED_VALUES_MAX * 2);
  }
  expect(pool.get("often")).toBeDefined();
  expect(pool.get("v0")).toBeUndefined();
});

/** Where Redis is, as people write it; and that no fault shows a password. */
import { expect, test } from "bun:test";
import { parseRedisUrl } from "../../../../../src/data/cache/index.ts";

test("parseRedisUrl() takes what is documented", () => {
  expect(parseRedisUrl("redis://cache.example")).toEqual({
    url: "redis://cache.example",
    name: "redis at cache.example:6379",
    prefix: "distributed_system",
    secrets: [],
  });
  expect(parseRedisUrl(" rediss://me:p%40ss@[::1]:7000/12?prefix=shop-1 ")).toEqual({
    url: "rediss://me:p%40ss@[::1]:7000/12",
    name: "redis at [::1]:7000/12",
    prefix: "shop-1",
    secrets: ["p%40ss", "p@ss"],
  });
});

test("parseRedisUrl() refuses everything else, and does not repeat it", () => {
  for (const text of [
    "",
    "cache.example:6379",
    "http://:hunter2@cache.example",
    "redis://",
    "redis://:hunter2@host/db",
    "redis://:hunter2@host/1?prefix=a b",
    "redis://:hunter2@host/1?prefix=",
    "redis://:hunter2@host?db=1",
    "redis://:hunter2@host#hunter2",
  ]) {
    let message = "it was taken";
    try {
      parseRedisUrl(text);
    } catch (thrown) {
      message = (thrown as Error).message;
    }
    expect(message).toMatch(/^the URL of Redis (is|begins|has) /);
    expect(message).not.toContain("hunter2");
  }
});

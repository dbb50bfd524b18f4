import { describe, expect, test } from "bun:test";
import { NODES_REMEMBERED_MAX, NodeTable } from "../../../../src/protocol/balance/node-table.ts";

describe("NodeTable", () => {
  test("set() drops the oldest when it is full, and only for somebody new", () => {
    const table = new NodeTable<number>();
    for (let at = 0; at < NODES_REMEMBERED_MAX; at++) table.set(`n${at}`, at);
    table.set("n5", -5);
    expect(table.size).toBe(NODES_REMEMBERED_MAX);
    expect([table.get("n0"), table.get("n5")]).toEqual([0, -5]);
    table.set("new", 1);
    expect([table.get("n0"), table.get("n1"), table.get("new")]).toEqual([undefined, 1, 1]);
    table.delete("new");
    expect(table.size).toBe(NODES_REMEMBERED_MAX - 1);
  });
});

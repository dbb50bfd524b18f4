/** When a lost worker's batches are all with others. */
import { describe, expect, test } from "bun:test";
import { Moves } from "../../../../../src/work/pipeline/dispatch/moves.ts";

function watched() {
  const moved: [string, number][] = [];
  return { moved, moves: new Moves((worker, batches) => moved.push([worker, batches])) };
}

describe("Moves", () => {
  test("given() tells once the last batch of a lost worker is with another one", () => {
    const { moved, moves } = watched();
    for (const item of [1, 2]) moves.given(item, "a");
    moves.lost("a");
    moves.given(1, "b");
    expect(moved).toEqual([]);
    moves.given(2, "c");
    expect(moved).toEqual([["a", 2]]);
    moves.given(2, "d");
    expect(moved).toHaveLength(1);
  });

  test("lost() does not wait for what is over, was failed there, or is with a second worker too", () => {
    const { moved, moves } = watched();
    for (const item of [1, 2, 3, 4]) moves.given(item, "a");
    moves.over(1);
    moves.returned(2, "a");
    moves.given(3, "b");
    moves.lost("a");
    moves.over(4);
    expect(moved).toEqual([["a", 1]]);
  });

  test("lost() says nothing of a worker that had nothing", () => {
    const { moved, moves } = watched();
    moves.lost("a");
    moves.given(1, "b");
    expect(moved).toEqual([]);
  });
});

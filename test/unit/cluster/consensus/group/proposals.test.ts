import { describe, expect, test } from "bun:test";
import { Proposals } from "../../../../../src/cluster/consensus/group/proposals.ts";

function opened() {
  const turns: (() => void)[] = [];
  const told: number[] = [];
  const proposals = new Proposals("main", (callback) => void turns.push(callback));
  const place = (count: number, from = 1): void => {
    for (let id = from; id < from + count; id++) {
      proposals.add(
        id,
        () => told.push(id),
        () => told.push(-id),
      );
      proposals.placed(id, id, 1);
    }
  };
  return { told, turns, proposals, place, turn: () => turns.shift()!() };
}

describe("Proposals", () => {
  test("applied() tells a few at once, and the others in the turns that follow, in order", () => {
    const { place, proposals, told, turn, turns } = opened();
    place(40);
    for (let index = 1; index <= 40; index++) proposals.applied(index, 1, "done");
    expect(told).toHaveLength(16);
    turn();
    expect(told).toHaveLength(32);
    place(1, 41);
    proposals.applied(41, 1, "done");
    expect(told).toHaveLength(32);
    turn();
    expect(told).toEqual(Array.from({ length: 41 }, (_, at) => at + 1));
    turn();
    expect(turns).toHaveLength(0);
  });

  test("giveUp() tells what was done before it says of the rest that nobody knows", () => {
    const { place, proposals, told } = opened();
    place(20);
    for (let index = 1; index <= 18; index++) proposals.applied(index, 1, "done");
    proposals.giveUp("it leads no more");
    expect(told).toEqual([...Array.from({ length: 18 }, (_, at) => at + 1), -19, -20]);
  });

  test("applied() says of an entry of another term that it was not done", () => {
    const { place, proposals, told } = opened();
    place(1);
    proposals.applied(1, 2, "another's");
    expect(told).toEqual([-1]);
  });
});

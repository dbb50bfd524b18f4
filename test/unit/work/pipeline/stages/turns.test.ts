import { describe, expect, test } from "bun:test";
import type { Lane } from "../../../../../src/work/pipeline/stages/lane.ts";
import { Turns } from "../../../../../src/work/pipeline/stages/turns.ts";

/** A lane with so much room; `reserve` takes it, as the real one does. */
function fakeLane(room: number) {
  const lane = {
    room,
    get free() {
      return lane.room > 0;
    },
    get idle() {
      return lane.room === room;
    },
  };
  return lane;
}

/** Turns know a lane by these two members only. */
function asLanes(...lanes: ReturnType<typeof fakeLane>[]): Lane[] {
  return lanes as unknown as Lane[];
}

function track(turns: Turns, granted: number[], seq: number, keepsTurn = false): void {
  const use = (lane: Lane): void => {
    (lane as unknown as ReturnType<typeof fakeLane>).room--; // made by fakeLane
    granted.push(seq);
  };
  turns.whenFree(seq, keepsTurn, use, () => granted.push(-seq));
}

describe("Turns", () => {
  test("whenFree() serves the oldest batch first when several wait", () => {
    const lane = fakeLane(0);
    const turns = new Turns(asLanes(lane), false, 0);
    const granted: number[] = [];
    for (const seq of [3, 1, 2]) track(turns, granted, seq);
    lane.room = 2;
    turns.serve();
    expect(granted).toEqual([1, 2]);
  });

  test("whenFree() lets nobody overtake when the stage is sequential", () => {
    const turns = new Turns(asLanes(fakeLane(10)), true, 4);
    const granted: number[] = [];
    for (const seq of [6, 5]) track(turns, granted, seq);
    expect(granted).toEqual([]);
    track(turns, granted, 4);
    expect(granted).toEqual([4, 5, 6]);
  });

  test("takeBack() holds later batches until the failed one has come again", () => {
    const turns = new Turns(asLanes(fakeLane(10)), true, 0);
    const granted: number[] = [];
    track(turns, granted, 0);
    turns.takeBack(0);
    track(turns, granted, 1);
    expect(granted).toEqual([0]);
    track(turns, granted, 0);
    expect(granted).toEqual([0, 0, 1]);
  });

  test("whenFree() keeps the turn when it is for a probe", () => {
    const turns = new Turns(asLanes(fakeLane(10)), true, 0);
    const granted: number[] = [];
    track(turns, granted, 0, true);
    track(turns, granted, 1);
    expect(granted).toEqual([0]);
  });

  test("whenFree() prefers an idle lane when another is busy", () => {
    const busy = fakeLane(2);
    const idle = fakeLane(2);
    busy.room--;
    const turns = new Turns(asLanes(busy, idle), false, 0);
    const used: Lane[] = [];
    turns.whenFree(
      0,
      false,
      (lane) => used.push(lane),
      () => {},
    );
    expect(used).toEqual(asLanes(idle));
  });

  test("end() rejects those who wait and those who come when the pipeline stops", () => {
    const turns = new Turns(asLanes(fakeLane(0)), false, 0);
    const granted: number[] = [];
    track(turns, granted, 1);
    turns.end(new Error("stop"));
    track(turns, granted, 2);
    expect(granted).toEqual([-1, -2]);
  });
});

/** Workers that were told to have no work: known over the lives of the master, and stored before it holds. */
import { expect, test } from "bun:test";
import { MasterWorkers } from "../../../../src/app/master/master-workers.ts";
import { SteppedClock } from "../../../support/stepped-clock.ts";

function workersWith(drained: string[], set: (worker: string, on: boolean) => Promise<void>): MasterWorkers {
  const logger = undefined as never; // nobody comes or goes here
  return new MasterWorkers({ clock: new SteppedClock(), logger, drained: { all: () => drained, set } });
}

test("drain() lets a worker of an earlier life work again, also while it is not there, and knows it no more then", async () => {
  const stored: [string, boolean][] = [];
  const workers = workersWith(["worker1"], async (...change) => void stored.push(change));
  await workers.drain("worker1", false);
  expect(stored).toEqual([["worker1", false]]);
  await expect(workers.drain("worker1", false)).rejects.toThrow('no worker is "worker1"');
});

test("drain() changes nothing when it cannot be stored", async () => {
  let isFull = true;
  const workers = workersWith(["worker1"], async () => {
    if (isFull) throw new Error("disk is full");
  });
  await expect(workers.drain("worker1", false)).rejects.toThrow("disk is full");
  isFull = false;
  await workers.drain("worker1", false); // is known still
});

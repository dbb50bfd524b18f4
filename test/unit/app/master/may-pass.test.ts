/** What a pipeline waits for, and what ends it. */
import { expect, test } from "bun:test";
import { mayPass } from "../../../../src/app/master/may-pass.ts";
import { Failure } from "../../../../src/base/errors.ts";

function because(cause: unknown): Failure {
  return new Failure("x", "y", { cause });
}

test("mayPass() is true of what says so of itself, of an output in use, and of a disk without room however it is told", () => {
  const full = [
    new Failure("x", "y", { retryable: true }),
    new Failure("checkpoint.output_in_use", "y"),
    because(Object.assign(new Error("write failed"), { code: "ENOSPC" })),
    because(because(Object.assign(new Error("write failed"), { code: "SQLITE_FULL" }))),
    because(Object.assign(new Error("write failed"), { code: "EDQUOT" })),
    new Failure("checkpoint.unreadable", "cannot use the checkpoint: database or disk is full; --fresh starts over"),
    new Failure("x", "ENOSPC: no space left on device, mkdir"),
  ];
  for (const each of full) expect(mayPass(each)).toBe(true);
});

test("mayPass() is false of anything else, also of causes that go round in circles", () => {
  const round = because(undefined);
  round.cause = round;
  const others = [new Failure("x", "the glass is full"), because(new Error("no such file")), because("ENOSPC"), round];
  for (const each of others) expect(mayPass(each)).toBe(false);
});

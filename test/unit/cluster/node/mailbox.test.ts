import { expect, test } from "bun:test";
import fc from "fast-check";
import { Mailbox, type MailboxOptions, type Overflow } from "../../../../src/cluster/node/mailbox.ts";

function rig(options: MailboxOptions = {}) {
  const dropped: unknown[] = [];
  const failures: unknown[] = [];
  const mailbox = new Mailbox<undefined>(options, {
    dropped: ({ message }) => dropped.push(message),
    failed: (thrown) => failures.push(thrown),
  });
  const offer = (message: unknown, sizeBytes = 1) => mailbox.offer({ message, meta: undefined, sizeBytes });
  return { mailbox, offer, dropped, failures };
}

test("Mailbox keeps messages until there is a handler, then hands them over in order", () => {
  const { mailbox, offer } = rig();
  for (const each of [1, 2, 3]) offer(each);
  const got: unknown[] = [];
  mailbox.handle((message) => got.push(message));
  offer(4);
  expect(got).toEqual([1, 2, 3, 4]);
  expect(mailbox.counts()).toEqual({
    received: 4,
    delivered: 4,
    failed: 0,
    dropped: 0,
    waiting: 0,
    waitingBytes: 0,
    waitingMax: 3,
  });
});

test("Mailbox hands over one at a time: the next when the handler's promise is done", async () => {
  const { mailbox, offer } = rig();
  const got: unknown[] = [];
  const first = Promise.withResolvers<void>();
  mailbox.handle((message) => {
    got.push(message);
    return message === 1 ? first.promise : undefined;
  });
  offer(1);
  offer(2);
  expect(got).toEqual([1]);
  first.resolve();
  await Bun.sleep(0);
  expect(got).toEqual([1, 2]);
});

test("Mailbox with drop-newest refuses what comes when it is full; with drop-oldest it makes room", () => {
  const newest = rig({ maxSize: 2, overflow: "drop-newest" });
  expect([1, 2, 3].map((each) => newest.offer(each))).toEqual([true, true, false]);
  expect(newest.dropped).toEqual([3]);
  const oldest = rig({ maxSize: 2, overflow: "drop-oldest" });
  expect([1, 2, 3].map((each) => oldest.offer(each))).toEqual([true, true, true]);
  expect(oldest.dropped).toEqual([1]);
});

test("Mailbox is bounded in bytes too, and never takes what is larger than itself", () => {
  const { mailbox, offer, dropped } = rig({ maxBytes: 100, overflow: "drop-oldest" });
  offer("a", 60);
  offer("b", 60);
  expect(offer("huge", 101)).toBe(false);
  expect(dropped).toEqual(["a", "huge"]);
  expect(mailbox.counts().waitingBytes).toBe(60);
});

test("Mailbox goes on when a handler throws or rejects, and tells", async () => {
  const { mailbox, offer, failures } = rig();
  mailbox.handle((message) => {
    if (message === 1) throw new Error("one");
    return message === 2 ? Promise.reject(new Error("two")) : undefined;
  });
  for (const each of [1, 2, 3]) offer(each);
  await Bun.sleep(0);
  expect(failures).toEqual([new Error("one"), new Error("two")]);
  expect(mailbox.counts()).toMatchObject({ delivered: 1, failed: 2, waiting: 0 });
});

test("Mailbox drops and counts what waits and what comes once it is closed", async () => {
  const { mailbox, offer, dropped } = rig();
  const first = Promise.withResolvers<void>();
  const got: unknown[] = [];
  mailbox.handle((message) => {
    got.push(message);
    return first.promise;
  });
  for (const each of [1, 2, 3]) offer(each);
  mailbox.close();
  expect(offer(4)).toBe(false);
  first.resolve();
  await Bun.sleep(0);
  expect(got).toEqual([1]);
  expect(dropped).toEqual([2, 3, 4]);
  expect(mailbox.counts()).toMatchObject({ received: 4, delivered: 1, dropped: 3, waiting: 0 });
});

test("Mailbox refuses options that make no sense, naming what is allowed", () => {
  expect(() => rig({ maxSize: 0 })).toThrow("maxSize is 0; a whole number from 1 to 10000000 is required");
  expect(() => rig({ maxBytes: 1.5 })).toThrow("maxBytes is 1.5");
  expect(() => rig({ overflow: "newest" as Overflow })).toThrow('"newest"; drop-newest or drop-oldest is required');
});

test("Mailbox loses nothing uncounted, keeps order and its bounds, whatever comes", () => {
  const sizes = fc.array(fc.nat(40), { maxLength: 200 });
  fc.assert(fc.property(fc.constantFrom<Overflow>("drop-newest", "drop-oldest"), sizes, runAll));
});

/** Against a plain list. */
function runAll(overflow: Overflow, sizes: readonly number[]): void {
  const { mailbox, dropped } = rig({ maxSize: 5, maxBytes: 60, overflow });
  let list: { id: number; size: number }[] = [];
  const lost: number[] = [];
  for (const [id, size] of sizes.entries()) {
    mailbox.offer({ message: id, meta: undefined, sizeBytes: size });
    const fits = () => list.length < 5 && list.reduce((sum, each) => sum + each.size, size) <= 60;
    if (overflow === "drop-newest" && !fits()) lost.push(id);
    else {
      while (!fits()) lost.push(list.shift()!.id);
      list = [...list, { id, size }];
    }
  }
  const got: unknown[] = [];
  mailbox.handle((message) => got.push(message));
  expect(got).toEqual(list.map(({ id }) => id));
  expect(dropped).toEqual(lost);
  const { received, delivered, dropped: droppedCount } = mailbox.counts();
  expect(received).toBe(delivered + droppedCount);
}

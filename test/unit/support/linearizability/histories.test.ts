/** Histories that checkers are known to get wrong, and the words of the answer. */
import { describe, expect, test } from "bun:test";
import {
  casRegisterModel,
  checkDelivery,
  checkLinearizable,
  HistoryRecorder,
  lockModel,
  type Operation,
  printVerdict,
  type QueueInput,
  type QueueOutput,
  type RegisterInput,
  type RegisterOutput,
  registerModel,
} from "../../../support/linearizability/index.ts";

function at<Input, Output>(
  callMs: number,
  returnMs: number | undefined,
  input: Input,
  output?: Output,
): Operation<Input, Output> {
  return { client: callMs, key: "k", callMs, returnMs, input, output };
}

const put = (from: number, to: number | undefined, value: number) =>
  at<RegisterInput, RegisterOutput>(from, to, { kind: "put", value }, null);
const get = (from: number, to: number | undefined, value: number | null) =>
  at<RegisterInput, RegisterOutput>(from, to, { kind: "get" }, value);
const cas = (from: number, to: number | undefined, expected: number | null, value: number, done?: boolean) =>
  at<RegisterInput, RegisterOutput>(from, to, { kind: "cas", expected, value }, done);

const registerOk = (...operations: Operation<RegisterInput, RegisterOutput>[]) =>
  checkLinearizable(casRegisterModel(), operations).ok;

describe("checkLinearizable()", () => {
  test("says yes when a read sees one of two concurrent writes", () => {
    expect(registerOk(put(1, 4, 100), get(2, 3, null), get(5, 6, 100))).toBe(true);
    expect(registerOk(put(1, 10, 100), get(2, 4, 100), get(5, 7, 100))).toBe(true);
  });

  test("says no when a read goes back behind an earlier read of a write that is still open", () => {
    expect(registerOk(put(1, 10, 100), get(2, 4, 100), get(5, 7, null))).toBe(false);
  });

  test("says no when two readers see two writes in opposite orders", () => {
    expect(registerOk(put(1, 20, 1), put(2, 21, 2), get(3, 4, 1), get(5, 6, 2), get(7, 8, 1))).toBe(false);
  });

  test("says no when a finished write is lost, and yes when it was never acknowledged", () => {
    expect(registerOk(put(1, 2, 1), get(3, 4, null))).toBe(false);
    expect(registerOk(put(1, undefined, 1), get(3, 4, null), get(5, 6, 1))).toBe(true);
  });

  test("says no when an unknown write has been seen and undone", () => {
    expect(registerOk(put(1, undefined, 1), get(3, 4, 1), get(5, 6, null))).toBe(false);
  });

  test("says yes when an unknown swap explains a value, and no when it would have to happen twice", () => {
    const start = [put(1, 2, 1), cas(3, undefined, 1, 2), get(4, 5, 1), get(6, 7, 2)];
    expect(registerOk(...start)).toBe(true);
    expect(registerOk(...start, put(8, 9, 1), get(10, 11, 2))).toBe(false);
  });

  test("says no when two clients win the same swap, and when a swap is refused for no reason", () => {
    expect(registerOk(put(1, 2, 1), cas(3, 6, 1, 2, true), cas(4, 7, 1, 3, true))).toBe(false);
    expect(registerOk(put(1, 2, 1), cas(3, 4, 1, 2, false), get(5, 6, 1))).toBe(false);
  });

  test("says no when a read tells of a value that nobody wrote", () => {
    expect(registerOk(put(1, 2, 1), get(3, 4, 7))).toBe(false);
  });

  test("takes operations that touch for concurrent", () => {
    expect(registerOk(put(1, 2, 1), get(2, 3, null))).toBe(true);
  });

  test("lets a hidden write take its own place later when a swap and a third write come between", () => {
    expect(registerOk(get(1, 6, null), put(2, 5, 1), put(3, 11, 2), put(7, 9, 3), get(10, 14, 2), put(12, 15, 5))).toBe(
      true,
    );
  });

  test("checks keys apart and names the one that is wrong", () => {
    const other = (operation: Operation<RegisterInput, RegisterOutput>) => ({ ...operation, key: "other" });
    const found = checkLinearizable(registerModel(), [
      put(1, 2, 1),
      get(3, 4, 1),
      other(put(1, 2, 5)),
      other(get(3, 4, null)),
    ]);
    expect(found).toMatchObject({ ok: false, key: "other" });
  });

  test("gives up aloud when it may remember too little", () => {
    const writes = Array.from({ length: 8 }, (_, index) => put(index, 100 + index, index % 2));
    const reads = [get(200, 300, 0), get(201, 301, 1)];
    const found = checkLinearizable(casRegisterModel(), [...writes, ...reads], { configurationsMax: 0 });
    expect(found).toMatchObject({ ok: "unknown", key: "k" });
  });

  test("lets a lease end by time only", () => {
    const acquire = (from: number, to: number, token: number) => at(from, to, { kind: "acquire" } as const, token);
    const model = lockModel({ leaseMs: 100 });
    expect(checkLinearizable(model, [acquire(1, 2, 1), acquire(50, 60, 2)]).ok).toBe(false);
    expect(checkLinearizable(model, [acquire(1, 2, 1), acquire(50, 101, 2)]).ok).toBe(true);
    expect(checkLinearizable(model, [acquire(1, 2, 2), acquire(150, 160, 1)]).ok).toBe(false);
  });
});

describe("printVerdict()", () => {
  test("shows the key, the reason and the operations when a history is wrong", () => {
    const text = printVerdict(checkLinearizable(casRegisterModel(), [put(1, 2, 1), get(3, 4, 1), get(5, 6, null)]));
    expect(text).toContain("not linearizable: key k: a value has come back after another");
    expect(text).toContain('client 5 [5, 6] {"kind":"get"} → null');
  });
});

describe("HistoryRecorder", () => {
  test("operations() leaves out what failed and keeps what is unknown or open", () => {
    const recorder = new HistoryRecorder<RegisterInput, RegisterOutput>();
    const first = recorder.invoke("a", "k", { kind: "put", value: 1 });
    recorder.invoke("b", "k", { kind: "put", value: 2 }).fail();
    recorder.invoke("c", "k", { kind: "put", value: 3 }).unknown();
    recorder.invoke("d", "k", { kind: "get" });
    first.ok(null);
    expect(recorder.operations().map(({ client, callMs, returnMs }) => [client, callMs, returnMs])).toEqual([
      ["a", 1, 5],
      ["c", 3, undefined],
      ["d", 4, undefined],
    ]);
    expect(() => first.unknown()).toThrow("told once only");
  });
});

describe("checkDelivery()", () => {
  const enqueue = (from: number, to: number | undefined, element: string) =>
    at<QueueInput, QueueOutput>(from, to, { kind: "enqueue", element }, null);
  const dequeue = (from: number, to: number | undefined, element: string | null) =>
    at<QueueInput, QueueOutput>(from, to, { kind: "dequeue" }, element === null ? null : { element });
  const ack = (from: number, to: number, element: string) =>
    at<QueueInput, QueueOutput>(from, to, { kind: "ack", element }, true);
  const faults = (...operations: Operation<QueueInput, QueueOutput>[]) =>
    checkDelivery(operations, { isDrained: true }).map(({ why }) => why);
  const both = [enqueue(1, 2, "x"), enqueue(3, 4, "y")];

  test("finds nothing when elements come out in order, again, and are acknowledged once", () => {
    expect(faults(...both, dequeue(5, 6, "x"), dequeue(7, 8, "y"), dequeue(9, 10, "x"), ack(11, 12, "x"))).toEqual([]);
  });

  test("finds an element that never came out, came from nowhere, or came too early", () => {
    expect(faults(enqueue(1, 2, "x"))).toEqual(["1 acknowledged elements never came out"]);
    expect(faults(dequeue(1, 2, "x"))).toEqual(["nobody has enqueued it"]);
    expect(faults(dequeue(1, 2, "x"), enqueue(3, 4, "x"))).toEqual(["it came out before it went in"]);
  });

  test("finds a broken order, and forgives it when an unknown dequeue may have taken the older one", () => {
    const swapped = [...both, dequeue(5, 6, "y"), dequeue(7, 8, "x")];
    expect(faults(...swapped)).toEqual(["it came out while an older one was waiting"]);
    expect(faults(...swapped, dequeue(5, undefined, null))).toEqual([]);
  });

  test("finds an element that was acknowledged twice or came out after that", () => {
    const out = [enqueue(1, 2, "x"), dequeue(3, 4, "x"), ack(5, 6, "x")];
    expect(faults(...out, ack(7, 8, "x"))).toEqual(["it was acknowledged twice"]);
    expect(faults(...out, dequeue(7, 8, "x"))).toEqual(["it came out after it was acknowledged"]);
  });

  test("finds a false empty", () => {
    expect(faults(enqueue(1, 2, "x"), dequeue(3, 4, null), dequeue(5, 6, "x"))).toEqual([
      "it said that nothing was there while an element was waiting",
    ]);
  });
});

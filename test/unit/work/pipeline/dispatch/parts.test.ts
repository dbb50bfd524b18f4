/** What is too large for one message: how it is taken apart, sent piece by piece, and put together. */
import { describe, expect, test } from "bun:test";
import { toFailure } from "../../../../../src/base/errors.ts";
import {
  fetchPieces,
  INLINE_BYTES_MAX,
  IncomingParts,
  Parting,
  PIECE_BYTES_MAX,
  pieceAt,
  putPieces,
} from "../../../../../src/work/pipeline/dispatch/parts.ts";

const OWNER = { instance: "m-1", deployment: "d" };
const LARGE = 2 * PIECE_BYTES_MAX + 5;

function filled(bytes: number): Uint8Array {
  const view = new Uint8Array(bytes);
  for (let at = 0; at < bytes; at += 4096) view[at] = at / 4096;
  return view;
}

const codeOf = (action: () => unknown): string => {
  try {
    action();
    return "none";
  } catch (thrown) {
    return toFailure(thrown, "test").code;
  }
};

describe("Parting", () => {
  test("add() leaves in the message what fits together, and names the rest", () => {
    const parting = new Parting();
    const [half, more, small] = [new Uint8Array(INLINE_BYTES_MAX / 2), new Uint8Array(INLINE_BYTES_MAX), filled(9)];
    expect(parting.add(half)).toBe(half);
    expect(parting.add(more)).toEqual({ part: 0, bytes: INLINE_BYTES_MAX });
    expect(parting.add(small)).toBe(small);
    expect(parting.add(more)).toEqual({ part: 1, bytes: INLINE_BYTES_MAX });
    expect(parting.apart).toEqual([more, more]);
  });
});

describe("IncomingParts", () => {
  test("take() gives what was put in pieces, also when a piece came twice, and once only", async () => {
    const incoming = new IncomingParts();
    const whole = filled(LARGE);
    const name = { part: 3, bytes: LARGE };
    await putPieces(whole, async (offset, piece) => {
      expect(piece.length).toBeLessThanOrEqual(PIECE_BYTES_MAX);
      for (let times = 0; times < 2; times++) incoming.put({ ...OWNER, lease: 7 }, name, offset, piece);
    });
    expect(incoming.leases(OWNER)).toEqual([7]);
    expect(Buffer.compare(incoming.take({ ...OWNER, lease: 7 })(name), whole)).toBe(0);
    expect(incoming.leases(OWNER)).toEqual([]);
    expect(codeOf(() => incoming.take({ ...OWNER, lease: 7 })(name))).toBe("work.parts_lost");
  });

  test("take() gives nobody what is not whole, nor what another process or lease has put", () => {
    const incoming = new IncomingParts();
    const name = { part: 0, bytes: 8 };
    incoming.put(OWNER, name, 0, filled(4));
    incoming.put({ ...OWNER, instance: "m-2" }, name, 0, filled(8));
    incoming.put({ ...OWNER, lease: 1 }, name, 0, filled(8));
    expect(codeOf(() => incoming.take(OWNER)(name))).toBe("work.parts_lost");
    expect(incoming.take(OWNER)(filled(2))).toEqual(filled(2));
  });

  test("put() refuses a piece that follows on nothing, or is more than was told", () => {
    const incoming = new IncomingParts();
    incoming.put(OWNER, { part: 0, bytes: 8 }, 0, filled(4));
    expect(codeOf(() => incoming.put(OWNER, { part: 0, bytes: 8 }, 5, filled(3)))).toBe("work.parts_lost");
    expect(codeOf(() => incoming.put(OWNER, { part: 0, bytes: 9 }, 4, filled(4)))).toBe("work.parts_lost");
    expect(codeOf(() => incoming.put(OWNER, { part: 0, bytes: 8 }, 4, filled(5)))).toBe("work.parts_lost");
    expect(codeOf(() => incoming.put(OWNER, { part: 1, bytes: 8 }, 4, filled(4)))).toBe("work.parts_lost");
  });

  test("forget() drops what one deployment, or one process, has put, and nothing else", () => {
    const incoming = new IncomingParts();
    const name = { part: 0, bytes: 1 };
    const owners = [
      { ...OWNER, lease: 1 },
      { ...OWNER, deployment: "e", lease: 2 },
      { ...OWNER, instance: "m-2", lease: 3 },
    ];
    for (const owner of owners) incoming.put(owner, name, 0, filled(1));
    const left = (): number[] => owners.flatMap((owner) => incoming.leases(owner));
    incoming.put(OWNER, name, 0, filled(1));
    incoming.forgetLeases(OWNER);
    expect(left()).toEqual([2, 3]);
    expect(incoming.take(OWNER)(name)).toEqual(filled(1));
    incoming.put(owners[0]!, name, 0, filled(1));
    incoming.forget("m-1", "d");
    expect(left()).toEqual([2, 3]);
    incoming.forget("m-1");
    expect(left()).toEqual([3]);
  });
});

describe("fetchPieces()", () => {
  test("puts together what comes in pieces of any size", async () => {
    const whole = filled(LARGE);
    expect(Buffer.compare(await fetchPieces({ part: 0, bytes: LARGE }, async (at) => pieceAt(whole, at)), whole)).toBe(
      0,
    );
    const small = await fetchPieces({ part: 0, bytes: 5 }, async (at) =>
      whole.subarray(at, at + 2 - (at === 4 ? 1 : 0)),
    );
    expect(small).toEqual(whole.slice(0, 5));
  });

  for (const [what, bytes] of [
    ["is empty", 0],
    ["is more than was told", 6],
  ] as const) {
    test(`fails with work.parts_lost when a piece ${what}`, async () => {
      const whole = fetchPieces({ part: 0, bytes: 5 }, async () => new Uint8Array(bytes));
      expect(await whole.catch((thrown) => toFailure(thrown, "test").code)).toBe("work.parts_lost");
    });
  }
});

test("pieceAt() fails with work.parts_lost where nothing begins, or nothing is", () => {
  expect(codeOf(() => pieceAt(filled(4), 4))).toBe("work.parts_lost");
  expect(codeOf(() => pieceAt(undefined, 0))).toBe("work.parts_lost");
});

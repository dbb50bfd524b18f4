import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { Failure } from "../../../../src/base/errors.ts";
import {
  kindOf,
  RAW_HEADER_BYTES,
  type RecordBatch,
  readBatch,
  readRaw,
  sealRaw,
  sizeOfBatch,
  writeBatch,
} from "../../../../src/wire/batch/index.ts";
import { META, ndjson, parse, recordText } from "./support.ts";

function enveloped(batch: RecordBatch): Uint8Array {
  const target = new Uint8Array(sizeOfBatch(batch));
  writeBatch(batch, target);
  return target;
}

/** A batch with every section that an envelope can have. */
function everything(): RecordBatch {
  const { batch } = parse('{"a":1,"b":"x"}\n{"b":"é","c":[1]}\n{"a":2.5,"b":null}\n');
  batch.column("a")!.numbers();
  batch.addColumn("double", Float64Array.of(1, Number.NaN, 2));
  batch.addColumn("int", Int32Array.of(1, 2, 3));
  batch.addColumn("bool", [true, null, false]);
  batch.addColumn("text", ["x", undefined, "yé"]);
  batch.addColumn("json", [[1], "x", 1]);
  batch.addColumn("bytes", [Uint8Array.of(1), null, Uint8Array.of(2, 3)]);
  batch.addColumn("null", [null, null, null]);
  batch.addColumn("time", { type: "timestamp", values: Float64Array.of(1, 2, 3) });
  batch.removeColumn("c");
  return batch;
}

/** Reads everything there is to read. Must not throw anything but Failure. */
function readAll(bytes: Uint8Array): void {
  const batch = readBatch(bytes);
  for (const name of batch.columnNames) {
    const column = batch.column(name)!;
    column.numbers();
    void column.type;
    for (let row = 0; row < batch.length; row++) {
      column.string(row);
      column.number(row);
      column.bytes(row);
    }
  }
  ndjson(batch);
  enveloped(batch);
}

function recheck(bytes: Uint8Array): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const size = Math.min(bytes.length, view.getUint32(8, true));
  view.setUint32(12, Bun.hash.crc32(bytes.subarray(16, size)), true);
}

function codeOf(act: () => unknown): string {
  try {
    act();
    return "none";
  } catch (thrown) {
    if (thrown instanceof Failure) return thrown.code;
    throw thrown;
  }
}

describe("writeBatch() and readBatch()", () => {
  test("readBatch() gives the batch that writeBatch() wrote when records have any shape", () => {
    fc.assert(
      fc.property(fc.array(recordText, { maxLength: 8 }), (records) => {
        const { batch } = parse(records.join("\n"));
        const back = readBatch(enveloped(batch));
        expect(ndjson(back)).toBe(records.map((record) => `${record}\n`).join(""));
        expect(back.columnNames).toEqual(batch.columnNames);
        expect([back.id, back.timeMs, back.probe]).toEqual([META.id, META.timeMs, false]);
      }),
      { numRuns: 300 },
    );
  });

  test("readBatch() reads in place when the bytes are aligned, and from a copy when they are not", () => {
    const bytes = enveloped(everything());
    const text = ndjson(readBatch(bytes));
    const slot = new Uint8Array(bytes.length + 99);
    slot.set(bytes, 8);
    const inPlace = readBatch(slot.subarray(8));
    expect(inPlace.documents.text.buffer === slot.buffer).toBe(true);
    slot.set(bytes, 3);
    const copied = readBatch(slot.subarray(3));
    expect(copied.documents.text.buffer === slot.buffer).toBe(false);
    expect(ndjson(copied)).toBe(text);
  });

  test("readBatch() carries decoded numbers so that the next stage need not parse", () => {
    const { batch } = parse('{"a":1}\n{"a":2}\n{"a":3}');
    batch.column("a")!.numbers();
    batch.drop(1);
    const back = readBatch(enveloped(batch));
    expect([...back.decoded.keys()]).toEqual(["a"]);
    expect([...back.column("a")!.numbers()]).toEqual([1, 3]);
  });

  test("writeBatch() leaves the text of dropped rows behind when they are more than half", () => {
    const rows = Array.from({ length: 100 }, (_, row) => `{"n":${row},"pad":"${"x".repeat(100)}"}`);
    const { batch } = parse(rows.join("\n"));
    const whole = sizeOfBatch(batch);
    batch.filter((_row, index) => index % 10 === 0);
    expect(sizeOfBatch(batch)).toBeLessThan(whole / 4);
    expect(ndjson(readBatch(enveloped(batch)))).toBe(
      rows
        .filter((_row, index) => index % 10 === 0)
        .map((row) => `${row}\n`)
        .join(""),
    );
  });

  test("sizeOfBatch() follows every change when the batch was measured before", () => {
    const { batch } = parse('{"a":1}\n{"a":2}');
    sizeOfBatch(batch);
    batch.set(0, "b", "x");
    batch.append({ c: 1 });
    expect(ndjson(readBatch(enveloped(batch)))).toBe('{"a":1,"b":"x"}\n{"a":2}\n{"c":1}\n');
    batch.removeColumn("a");
    batch.drop(1);
    expect(ndjson(readBatch(enveloped(batch)))).toBe('{"b":"x"}\n{"c":1}\n');
  });

  test("writeBatch() refuses a target when it is too small", () => {
    const batch = everything();
    expect(codeOf(() => writeBatch(batch, new Uint8Array(sizeOfBatch(batch) - 1)))).toBe("batch.target_too_small");
  });

  test("readBatch() refuses any single flipped bit", () => {
    const bytes = enveloped(everything());
    for (let bit = 0; bit < bytes.length * 8; bit++) {
      const broken = bytes.slice();
      broken[bit >> 3]! ^= 1 << (bit & 7);
      expect(codeOf(() => readBatch(broken))).toStartWith("batch.");
    }
  });

  test("readBatch() refuses every truncation", () => {
    const bytes = enveloped(everything());
    for (let length = 0; length < bytes.length; length++) {
      expect(codeOf(() => readBatch(bytes.slice(0, length)))).toStartWith("batch.");
    }
  });

  test("readBatch() gives a failure or a readable batch when bytes lie under a right checksum", () => {
    const bytes = enveloped(everything());
    const lie = fc.tuple(
      fc.nat({ max: bytes.length - 1 }),
      fc.oneof(fc.nat({ max: 255 }), fc.constantFrom(0, 1, 127, 128, 255)),
    );
    fc.assert(
      fc.property(fc.array(lie, { minLength: 1, maxLength: 4 }), (lies) => {
        const broken = bytes.slice();
        for (const [at, value] of lies) broken[at] = value;
        recheck(broken);
        codeOf(() => readAll(broken)); // throws on whatever is not a Failure
      }),
      { numRuns: 4000 },
    );
  });

  test("readBatch() gives a failure or a readable batch when 32-bit words of the sections lie", () => {
    const bytes = enveloped(everything());
    const view = new DataView(bytes.buffer);
    const bodyAt = Math.ceil((24 + view.getUint32(20, true)) / 8) * 8;
    const words = (bytes.length - bodyAt) / 4;
    const lies = [-1, 0, 1, 7, 64, 0x7fffffff, -0x80000000, 0x10000000];
    for (let word = 0; word < words; word++) {
      for (const lie of lies) {
        const broken = bytes.slice();
        new DataView(broken.buffer).setInt32(bodyAt + word * 4, lie, true);
        recheck(broken);
        codeOf(() => readAll(broken));
      }
    }
  });

  test("readBatch() gives a failure when the header lies", () => {
    const whole = enveloped(everything());
    const length = new DataView(whole.buffer).getUint32(20, true);
    const header = JSON.parse(Buffer.from(whole.subarray(24, 24 + length)).toString()) as Record<string, unknown>;
    const lies: [string, unknown][] = [
      ["rows", -1],
      ["rows", 1e9],
      ["rows", 2],
      ["rows", { toString: {} }],
      ["names", ["a", "a", "b", "c"]],
      ["names", "abc"],
      ["names", []],
      ["decoded", ["a", "b"]],
      ["columns", [{ name: "x", type: "nonsense" }]],
      ["columns", [{ name: "x", type: { toString: {} } }]],
      ["columns", [null]],
      ["columns", []],
      ["sections", []],
      ["sections", [1e308]],
      ["sections", [{ toString: {} }]],
      ["sections", null],
      ["id", 7],
      ["timeMs", "now"],
      ["removed", [1]],
    ];
    for (const [key, value] of lies) {
      const text = Buffer.from(JSON.stringify({ ...header, [key]: value }));
      const bodyAt = Math.ceil((24 + text.length) / 8) * 8;
      const body = whole.subarray(Math.ceil((24 + length) / 8) * 8);
      const broken = new Uint8Array(bodyAt + body.length);
      broken.set(whole.subarray(0, 24));
      broken.set(text, 24);
      broken.set(body, bodyAt);
      new DataView(broken.buffer).setUint32(8, broken.length, true);
      new DataView(broken.buffer).setUint32(20, text.length, true);
      recheck(broken);
      expect({ key, value, code: codeOf(() => readBatch(broken)) }).toEqual({
        key,
        value,
        code: expect.stringMatching(/^batch\./),
      });
    }
  });

  test("readBatch() refuses arbitrary bytes", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        expect(codeOf(() => readBatch(bytes))).toStartWith("batch.");
        expect(codeOf(() => readRaw(bytes))).toStartWith("batch.");
        expect(codeOf(() => kindOf(bytes))).toStartWith("batch.");
      }),
    );
  });
});

describe("sealRaw() and readRaw()", () => {
  const format = { kind: "csv", columns: ["a", "b"] };

  test("readRaw() gives payload and meta that sealRaw() was given when the slot is larger", () => {
    const slot = new Uint8Array(RAW_HEADER_BYTES + 100).fill(7);
    slot.set(Buffer.from("a,b\n1,2\n"), RAW_HEADER_BYTES);
    const meta = { id: "file@0", timeMs: 5, line: 2, format };
    expect(sealRaw(slot, meta, 8)).toBe(RAW_HEADER_BYTES + 8);
    expect(kindOf(slot)).toBe("raw");
    const raw = readRaw(slot);
    expect(raw.meta).toEqual(meta);
    expect(Buffer.from(raw.payload).toString()).toBe("a,b\n1,2\n");
    expect(raw.payload.buffer === slot.buffer).toBe(true);
    expect(codeOf(() => readBatch(slot))).toBe("batch.wrong_kind");
  });

  test("sealRaw() refuses a header or a payload when it does not fit", () => {
    const slot = new Uint8Array(RAW_HEADER_BYTES + 10);
    const meta = { id: "x", timeMs: 0, line: 1, format };
    expect(codeOf(() => sealRaw(slot, meta, 11))).toBe("batch.target_too_small");
    expect(codeOf(() => sealRaw(slot, { ...meta, id: "x".repeat(RAW_HEADER_BYTES) }, 1))).toBe(
      "batch.raw.header_too_large",
    );
  });

  test("readRaw() refuses a frame when its payload was changed", () => {
    const slot = new Uint8Array(RAW_HEADER_BYTES + 4);
    sealRaw(slot, { id: "x", timeMs: 0, line: 1, format }, 4);
    slot[RAW_HEADER_BYTES + 2] = 1;
    expect(codeOf(() => readRaw(slot))).toBe("batch.corrupt");
  });
});

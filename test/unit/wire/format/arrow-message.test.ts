import { describe, expect, test } from "bun:test";
import { tableFromIPC } from "apache-arrow";
import fc from "fast-check";
import { Failure } from "../../../../src/base/errors.ts";
import {
  ARROW_END,
  ARROW_FILE_TAIL_BYTES,
  arrowFooterBytes,
  listArrowMessages,
  readArrowMessage,
  readArrowPrefix,
  schemaMessageOf,
} from "../../../../src/wire/format/index.ts";
import { arrowBytes, readArrowRows } from "../../work/pipeline/source/arrow-data.ts";

const STREAM = arrowBytes([3, 5], "stream");
const FILE = arrowBytes([3, 5], "file");

function footerOf(file: Uint8Array): Uint8Array {
  const end = file.length - ARROW_FILE_TAIL_BYTES;
  return file.subarray(end - arrowFooterBytes(file.subarray(end)), end);
}

describe("listArrowMessages", () => {
  test("listArrowMessages() finds every frame when the stream is apache-arrow's, new or legacy", () => {
    for (const stream of [STREAM, arrowBytes([3, 5], "legacy")]) {
      const messages = listArrowMessages(stream);
      expect(messages.map(({ kind, rows }) => [kind, rows])).toEqual([
        ["schema", 0],
        ["dictionary", 3],
        ["batch", 3],
        ["batch", 5],
      ]);
      expect(messages.slice(1).map(({ from }) => from)).toEqual(messages.slice(0, -1).map(({ to }) => to));
    }
  });

  test("listArrowMessages() gives frames that make a readable stream of their own", () => {
    const [schema, dictionary, , second] = listArrowMessages(STREAM).map(({ from, to }) => STREAM.subarray(from, to));
    const rows = readArrowRows(Buffer.concat([schema!, dictionary!, second!, ARROW_END]));
    expect(rows.map(({ id }) => id)).toEqual([3, 4, 5, 6, 7]);
  });

  test("listArrowMessages() throws a Failure or gives frames inside the bytes when they are damaged", () => {
    const damage = fc.array(fc.tuple(fc.nat({ max: STREAM.length - 1 }), fc.nat({ max: 255 })), {
      minLength: 1,
      maxLength: 6,
    });
    fc.assert(
      fc.property(damage, fc.nat({ max: STREAM.length }), (changes, length) => {
        const bytes = Uint8Array.from(STREAM);
        for (const [at, value] of changes) bytes[at] = value;
        const cutOff = bytes.subarray(0, length);
        try {
          for (const { from, to, rows } of listArrowMessages(cutOff)) {
            expect(from < to && to <= cutOff.length && rows >= 0).toBe(true);
          }
        } catch (thrown) {
          expect(thrown).toBeInstanceOf(Failure);
        }
      }),
      { numRuns: 2000 },
    );
  });
});

describe("readArrowMessage", () => {
  test("readArrowMessage() throws a Failure when the bytes are arbitrary", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => {
        for (const read of [readArrowMessage, readArrowPrefix, schemaMessageOf, arrowFooterBytes]) {
          try {
            read(bytes);
          } catch (thrown) {
            expect(thrown).toBeInstanceOf(Failure);
          }
        }
      }),
      { numRuns: 2000 },
    );
  });
});

describe("schemaMessageOf", () => {
  test("schemaMessageOf() gives the stream's first message when the schema is in the footer only", () => {
    const message = schemaMessageOf(footerOf(FILE));
    const fields = tableFromIPC(Buffer.concat([message, ARROW_END])).schema.fields;
    expect(fields.map(({ name, type }) => `${name}: ${type}`)).toEqual(
      tableFromIPC(FILE).schema.fields.map(({ name, type }) => `${name}: ${type}`),
    );
    expect(message.length % 8).toBe(0);
  });
});

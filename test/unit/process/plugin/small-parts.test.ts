import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { alignedBytes, handshakeFault, handshakeLine } from "../../../../src/process/plugin/messages.ts";
import { forwardLines, OUTPUT_LINE_CHARS_MAX } from "../../../../src/process/plugin/output-lines.ts";
import { decodeSnapshot, encodeSnapshot } from "../../../../src/process/plugin/snapshot.ts";

describe("handshakeFault()", () => {
  test("handshakeFault() accepts what handshakeLine() writes when the versions agree", () => {
    expect(handshakeFault(handshakeLine(1, 4711), 1)).toBeUndefined();
  });

  for (const [line, says] of [
    ["hello", "instead of a handshake"],
    ["", "instead of a handshake"],
    ["distributed-system|9|1|5|json", "speaks protocol 9"],
    ["distributed-system|1|7|5|json", "serves plugin API 7"],
    ["distributed-system|1|1|5|xml", "encodes as xml"],
  ] as const) {
    test(`handshakeFault() says what is wrong when the line is ${JSON.stringify(line)}`, () => {
      expect(handshakeFault(line, 1)).toContain(says);
    });
  }
});

describe("alignedBytes()", () => {
  test("alignedBytes() gives the next multiple of eight when given any length", () => {
    fc.assert(
      fc.property(fc.nat(2 ** 28), (bytes) => {
        const aligned = alignedBytes(bytes);
        expect(aligned % 8).toBe(0);
        expect(aligned - bytes).toBeWithin(0, 8);
      }),
    );
  });
});

describe("snapshots", () => {
  test("decodeSnapshot() gives back what encodeSnapshot() was given when it is JSON or bytes", () => {
    fc.assert(
      fc.property(fc.oneof(fc.jsonValue({ noUnicodeString: false }), fc.uint8Array()), (value) => {
        const snapshot = value as Parameters<typeof encodeSnapshot>[0]; // JSON and bytes are what a snapshot may be
        const back = decodeSnapshot(encodeSnapshot(snapshot));
        const expected = snapshot instanceof Uint8Array ? snapshot : JSON.parse(JSON.stringify(snapshot));
        expect(back).toEqual(expected);
      }),
    );
  });

  test("decodeSnapshot() refuses when the bytes are none of its own", () => {
    expect(() => decodeSnapshot(Uint8Array.of(9, 1))).toThrow("begins with 9");
  });
});

async function linesOf(chunks: readonly Uint8Array[]): Promise<string[]> {
  const lines: string[] = [];
  const stream = new ReadableStream<Uint8Array>({
    start(controller) {
      for (const chunk of chunks) controller.enqueue(chunk);
      controller.close();
    },
  });
  await forwardLines(stream, (line) => lines.push(line));
  return lines;
}

describe("forwardLines()", () => {
  test("forwardLines() gives the same lines when the bytes come in any pieces", async () => {
    const bytes = new TextEncoder().encode("eins\nzwei äöü\n\ndrei ohne Ende");
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: bytes.length }), async (size) => {
        const chunks = Array.from({ length: Math.ceil(bytes.length / size) }, (_, i) =>
          bytes.slice(i * size, (i + 1) * size),
        );
        expect(await linesOf(chunks)).toEqual(["eins", "zwei äöü", "", "drei ohne Ende"]);
      }),
    );
  });

  test("forwardLines() bounds a line and takes its terminal commands away when a plugin floods", async () => {
    const [long, painted] = await linesOf([
      new TextEncoder().encode(`${"x".repeat(50_000)}\n`),
      new TextEncoder().encode("a\x1b[2Jb\r\n"),
    ]);
    expect(long!.length).toBeLessThanOrEqual(OUTPUT_LINE_CHARS_MAX + 1);
    expect(painted).toBe("a␛[2Jb");
  });
});

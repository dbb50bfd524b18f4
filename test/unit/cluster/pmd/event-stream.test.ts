/** Server-sent events in any pieces, and beyond their bounds. */
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { EventReader, eventText, type StreamEvent } from "../../../../src/cluster/pmd/event-stream.ts";

function readAll(reader: EventReader, bytes: Uint8Array, cuts: readonly number[]): StreamEvent[] {
  const places = [0, ...cuts.map((cut) => cut % (bytes.length + 1)).sort((a, b) => a - b), bytes.length];
  return places.slice(1).flatMap((end, at) => reader.read(bytes.subarray(places[at], end)));
}

describe("EventReader", () => {
  test("read() gives what eventText() wrote when the bytes come in any pieces, with comments between", () => {
    const events = fc.array(fc.tuple(fc.stringMatching(/^[a-z:]{1,10}$/), fc.jsonValue()), { maxLength: 8 });
    fc.assert(
      fc.property(events, fc.array(fc.nat(), { maxLength: 10 }), (all, cuts) => {
        const text = all.map(([name, value]) => `: keep-alive\n\n${eventText(name, value)}`).join("");
        const read = readAll(new EventReader(), Buffer.from(text), cuts);
        expect(read).toEqual(all.map(([name, value]) => ({ name, data: JSON.stringify(value) })));
      }),
    );
  });

  test("read() takes what other servers may write: carriage returns, several lines of data, no blank, unknown fields", () => {
    const text = "retry: 10\r\nevent:a\r\ndata: 1\r\ndata:2\r\n\r\ndata\n\nid: 7\n\n";
    expect(new EventReader().read(Buffer.from(text))).toEqual([
      { name: "a", data: "1\n2" },
      { name: "message", data: "" },
    ]);
  });

  test("read() refuses an event beyond the bound, in one line or in many, but not comments without end", () => {
    for (const piece of ["x".repeat(10), "data: x\n", "event: x\n"]) {
      const reader = new EventReader(100);
      const feed = (): void => {
        for (let round = 0; round < 100; round++) reader.read(Buffer.from(piece));
      };
      expect(feed).toThrow("more than 100 characters");
    }
    const reader = new EventReader(100);
    for (let round = 0; round < 1_000; round++) reader.read(Buffer.from(": keep-alive\n"));
    expect(reader.read(Buffer.from("data: x\n\n"))).toEqual([{ name: "message", data: "x" }]);
  });
});

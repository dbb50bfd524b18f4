import { expect, test } from "bun:test";
import fc from "fast-check";
import { readEvents, type ServerEvent } from "../../../../src/app/service/read-events.ts";

async function* pieces(bytes: Uint8Array, cuts: readonly number[]): AsyncGenerator<Uint8Array> {
  let from = 0;
  for (const cut of [...cuts].sort((a, b) => a - b)) {
    const to = Math.max(from, Math.min(cut, bytes.length));
    yield bytes.subarray(from, to);
    from = to;
  }
  yield bytes.subarray(from);
}

async function all(bytes: Uint8Array, cuts: readonly number[]): Promise<ServerEvent[]> {
  return Array.fromAsync(readEvents(pieces(bytes, cuts)));
}

test("readEvents() gives the same events wherever the bytes are cut", async () => {
  const text =
    'data: {"name":"Zoë 🙂"}\n\ndata: {"n":2}\n\nevent: error\ndata: {"code":"x"}\n\nevent: end\ndata: {}\n\n';
  const bytes = Buffer.from(text);
  const expected: ServerEvent[] = [
    { event: "message", data: '{"name":"Zoë 🙂"}' },
    { event: "message", data: '{"n":2}' },
    { event: "error", data: '{"code":"x"}' },
    { event: "end", data: "{}" },
  ];
  await fc.assert(
    fc.asyncProperty(fc.array(fc.nat(bytes.length), { maxLength: 12 }), async (cuts) => {
      expect(await all(bytes, cuts)).toEqual(expected);
    }),
    { numRuns: 100 },
  );
});

test("readEvents() takes no event without end", async () => {
  const endless = async function* (): AsyncGenerator<Uint8Array> {
    for (;;) yield new Uint8Array(2 ** 20).fill(0x61);
  };
  expect(Array.fromAsync(readEvents(endless()))).rejects.toMatchObject({ code: "rpc.bad_response" });
});

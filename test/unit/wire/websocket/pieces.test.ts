/** What the pieces of a message keep in memory. */
import { expect, test } from "bun:test";
import { MessageReader, OPCODE, writeFrame } from "../../../../src/wire/websocket/index.ts";

const MASK = Uint8Array.of(1, 2, 3, 4);

test("read() keeps little more than the message when its pieces come with much else around them", () => {
  const ping = writeFrame(OPCODE.ping, new Uint8Array(125), MASK);
  const pings = Buffer.concat(Array.from({ length: 500 }, () => ping));
  const messages: Uint8Array[] = [];
  const reader = new MessageReader(
    {
      onMessage: (data) => void messages.push(data),
      onPing: () => {},
      onPong: () => {},
      onCloseFrame: () => {},
      onFault: (_code, text) => {
        throw new Error(text);
      },
    },
    true,
    { messageBytesMax: 100_000 },
  );
  Bun.gc(true);
  const before = process.memoryUsage().arrayBuffers;
  const say = (opcode: number, at: number, isFinal: boolean): void => {
    const piece = writeFrame(opcode, Uint8Array.of(at), MASK, isFinal);
    reader.read(new Uint8Array(Buffer.concat([piece, pings])));
  };
  for (let at = 0; at < 500; at++) say(at === 0 ? OPCODE.binary : OPCODE.continuation, at, false);
  Bun.gc(true);
  expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(4 * 1024 * 1024); // what came were 32 MiB
  say(OPCODE.continuation, 500, true);
  expect(messages).toEqual([Uint8Array.from({ length: 501 }, (_, at) => at)]);
});

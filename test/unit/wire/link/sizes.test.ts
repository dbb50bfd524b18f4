/** Payloads of every size and kind arrive as they were said: contents are compared, around each border of frames and chunks. */
import { describe, expect, test } from "bun:test";
import { BULK_BYTES_MIN, FRAME_BYTES_MAX } from "../../../../src/wire/link/limits.ts";
import { until } from "../../../support/until.ts";
import { openNode } from "./support.ts";

const echo = { echo: { request: (payload: unknown) => payload } };
const BORDERS = [BULK_BYTES_MIN, FRAME_BYTES_MAX, 2 * FRAME_BYTES_MAX];
const AROUND = [-40, -20, -6, -5, -1, 0, 1, 20];
/** Answers may wait to be read, as many as there are. */
const limits = { sendBufferBytes: 1e9 };

/** Bytes that tell where they stand. */
function bytesOf(sizeBytes: number, seed: number): Uint8Array {
  return new Uint8Array(sizeBytes).map((_, index) => (index * 31 + (index >> 8) + seed) & 255);
}

function textOf(chars: number, seed: number): string {
  return Buffer.from(bytesOf(chars, seed).map((byte) => 97 + (byte % 26))).toString("latin1");
}

const KINDS = {
  bytes: bytesOf,
  text: textOf,
  "bytes in an object": (size: number, seed: number) => ({ seed, body: bytesOf(size, seed) }),
  "text in an object": (size: number, seed: number) => ({ seed, body: textOf(size, seed) }),
} as const;

const digest = (value: unknown): string =>
  Bun.hash(Bun.inspect(value, { depth: 1 }).length + textual(value)).toString();

function textual(value: unknown): string {
  if (value instanceof Uint8Array) return Buffer.from(value).toString("latin1");
  if (typeof value === "string") return value;
  const { seed, body } = value as { seed: number; body: unknown };
  return `${seed} ${textual(body)}`;
}

describe("request()", () => {
  for (const [kind, make] of Object.entries(KINDS)) {
    test(`request() carries ${kind} of sizes around every border there and back unchanged, several in one turn`, async () => {
      await using a = openNode("a");
      await using b = openNode("b", { handlers: echo, limits });
      const link = await a.dial(b);
      for (const border of BORDERS) {
        const said = AROUND.map((more, seed) => make(border + more, seed));
        const answers = await Promise.all(said.map((each) => link.request("echo", each)));
        expect(answers.map(digest)).toEqual(said.map(digest));
        expect(answers.map((each) => textual(each).length)).toEqual(said.map((each) => textual(each).length));
      }
    }, 60_000);
  }

  test("request() and notify() carry what was said in the turn, also when its sender changes it afterwards", async () => {
    const heard: unknown[] = [];
    await using a = openNode("a");
    await using b = openNode("b", { handlers: { ...echo, note: { notify: (payload) => void heard.push(payload) } } });
    const link = await a.dial(b, { limits });
    for (const size of [1_000, BULK_BYTES_MIN, 8 * FRAME_BYTES_MAX]) {
      const bytes = bytesOf(size, 1);
      const said = digest(bytes);
      const answer = link.request("echo", bytes);
      link.notify("note", bytes);
      link.notify("note", { seed: 1, body: bytes });
      await new Promise((resolve) => setImmediate(resolve)); // the turn is over
      bytes.fill(0);
      expect(digest(await answer)).toBe(said);
      await until("both", () => heard.length === 2);
      expect(digest(heard[0])).toBe(said);
      expect(textual((heard[1] as { body: Uint8Array }).body).length).toBe(size);
      expect(digest((heard[1] as { body: Uint8Array }).body)).toBe(said);
      heard.length = 0;
    }
  }, 60_000);

  test("request() whose answer is of any size loses nothing when the link is closed meanwhile", async () => {
    for (const answer of ["x".repeat(200_000), "x".repeat(3_000_000), new Uint8Array(5_000_000)]) {
      const answered = Promise.withResolvers<unknown>();
      await using a = openNode("a");
      await using b = openNode("b", { handlers: { ask: { request: () => answered.promise } } });
      const link = await a.dial(b);
      const given = link.request("ask", 1);
      await until("the question", () => b.accepted[0]?.counts.requestsTaken === 1);
      const end = link.close();
      await until("the goaway", () => !b.accepted[0]!.isOpen);
      answered.resolve(answer);
      expect((await given) as string).toHaveLength(answer.length);
      expect((await end).isGraceful).toBe(true);
    }
  });

  test("notify() of a large text is not lost when the link is closed in the same turn", async () => {
    const heard: string[] = [];
    await using a = openNode("a");
    await using b = openNode("b", { handlers: { note: { notify: (payload) => void heard.push(payload as string) } } });
    const link = await a.dial(b);
    link.notify("note", "x".repeat(5_000_000));
    link.notify("note", "the last");
    expect((await link.close()).isGraceful).toBe(true);
    await until("both", () => heard.length === 2);
    expect(heard.map((each) => each.length)).toEqual([5_000_000, 8]);
  });
});

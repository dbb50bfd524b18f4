import { describe, expect, test } from "bun:test";
import { randomBytes } from "node:crypto";
import { chmodSync } from "node:fs";
import { openRevealer, revealStream } from "../../../../src/app/gateway/reveal.ts";
import { Workspace } from "../../../support/workspace.ts";

/** Calls a text what it was asked for. */
async function run(chunks: readonly (string | Uint8Array)[]) {
  const asked: string[] = [];
  const out: string[] = [];
  const told: string[] = [];
  async function* input() {
    for (const chunk of chunks) yield Buffer.from(chunk);
  }
  const revealer = {
    reveal(text: string) {
      asked.push(text);
      return { text: text.replaceAll("x", "yy"), count: 1, hidden: text.includes("?") ? ["why"] : [] };
    },
  };
  const counts = await revealStream(input(), revealer, {
    write: async (bytes) => void out.push(Buffer.from(bytes).toString("latin1")),
    hidden: (line, what) => void told.push(`${line}: ${what}`),
  });
  return { asked, counts, out: out.join(""), told };
}

describe("revealStream()", () => {
  test("revealStream() gives lines on as they come, however they are cut, and tells of those with hidden values", async () => {
    const { asked, counts, out, told } = await run(["a", "x\n\n?", "\nlast", " x"]);
    expect(asked).toEqual(["ax\n", "\n", "?\n", "last x"]);
    expect([out, told, counts]).toEqual(["ayy\n\n?\nlast yy", ["3: why"], { revealed: 4, hidden: 1 }]);
  });

  test("revealStream() looks at a document of many lines as a whole, and at what only looks like one line by line", async () => {
    expect((await run(["{\n", ' "a": 1\n', "}\n"])).asked).toEqual(['{\n "a": 1\n}\n']);
    expect((await run(["{\n", ' "a": 1\n', "\n"])).asked).toEqual(["{\n", ' "a": 1\n', "\n"]);
    expect((await run(['{"a":1}\n', '{"a":2}\n'])).asked).toEqual(['{"a":1}\n', '{"a":2}\n']);
    expect((await run([])).asked).toEqual([]);
  });

  test("revealStream() leaves bytes that are no UTF-8 as they are", async () => {
    expect((await run([Uint8Array.of(0xff, 0x0a, 0xc3), Uint8Array.of(0xa9)])).out).toBe("\u00ff\n\u00c3\u00a9");
  });
});

describe("openRevealer()", () => {
  test("openRevealer() takes keys and names from the masks of a gateway file, and asks for a key where there is none", async () => {
    using place = new Workspace();
    const key = place.write("mask.key", randomBytes(32).toString("hex"));
    chmodSync(key, 0o600);
    const file = place.write("g.txt", `route|r|/|http://u\nmask|log|card|encrypt|key=${key}\n`);
    const { hidden } = (await openRevealer({ keys: [], fields: [], config: file })).reveal("enc:v1:a:b");
    expect(hidden).toEqual([expect.stringMatching(/known are [0-9a-f]{8}$/)]);
    await expect(openRevealer({ keys: [], fields: [] })).rejects.toThrow("neither --key nor --config is given");
    const none = place.write("none.txt", "route|r|/|http://u\n");
    await expect(openRevealer({ keys: [], fields: [], config: none })).rejects.toThrow("no mask of");
  });
});

/** What an answer to Erlang's NAMES request says of who gave it. */
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { readNames } from "../../../../src/cluster/pmd/probe.ts";

function answer(port: number, text: string): Buffer {
  const head = Buffer.alloc(4);
  head.writeUInt32BE(port);
  return Buffer.concat([head, Buffer.from(text)]);
}

describe("readNames()", () => {
  test("readNames() knows epmd by its own port and the lines of its nodes", () => {
    expect(readNames(answer(4369, ""), 4369)).toEqual({ kind: "epmd", names: [] });
    const text = "name rabbit at port 25672\nname ejabberd at port 40001\n";
    expect(readNames(answer(4369, text), 4369)).toEqual({ kind: "epmd", names: ["rabbit", "ejabberd"] });
  });

  test("readNames() takes nothing else for epmd: another port, other words, cut or no bytes", () => {
    expect(readNames(answer(4370, ""), 4369).kind).toBe("other");
    expect(readNames(answer(4369, "hello\n"), 4369).kind).toBe("other");
    expect(readNames(answer(4369, "").subarray(0, 3), 4369).kind).toBe("other");
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 40 }), (bytes) => {
        fc.pre(bytes.length < 4 || Buffer.from(bytes).readUInt32BE(0) !== 4369);
        expect(readNames(bytes, 4369)).toEqual({ kind: "other" });
      }),
    );
  });
});

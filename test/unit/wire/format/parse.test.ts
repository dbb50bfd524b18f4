import { describe, expect, test } from "bun:test";
import { parseRaw, type RawFormat } from "../../../../src/wire/format/index.ts";
import { arrowBytes } from "../../work/pipeline/source/arrow-data.ts";

const META = { id: "a@0", timeMs: 5, line: 10 };

function parse(bytes: Uint8Array | string, format: RawFormat) {
  const { batch, malformed } = parseRaw(Buffer.from(bytes as string), format, META);
  const lines = Array.from({ length: batch.length }, (_, row) => batch.json(row));
  return { batch, lines, malformed: malformed.map(({ row, line }) => [row, line]) };
}

describe("parseRaw", () => {
  test("parseRaw() gives the batch its meta, and malformed records their lines, whatever the format", () => {
    const { batch, lines, malformed } = parse('{"a":1}\nbad\n{"a":2.0}\n', { kind: "ndjson" });
    expect([batch.id, batch.timeMs, lines, malformed]).toEqual(["a@0", 5, ['{"a":1}', '{"a":2.0}'], [[1, 11]]]);
    const csv = parse('1,"x\ny"\nbad\n2,z\n', { kind: "csv", separator: ",", columns: ["a", "b"], types: "auto" });
    expect([csv.lines, csv.malformed]).toEqual([['{"a":1,"b":"x\\ny"}', '{"a":2,"b":"z"}'], [[1, 12]]]);
    const log = parse('bad\nh - - [01/Jan/2020:00:00:00 +0000] "GET / HTTP/1.0" 200 5\n', { kind: "apache" });
    expect([log.lines.length, log.malformed]).toEqual([1, [[0, 10]]]);
    expect(parse("x\n", { kind: "lines", field: "text" }).lines).toEqual(['{"text":"x"}']);
  });

  test("parseRaw() decodes an Arrow stream", () => {
    const { batch } = parse(arrowBytes([3], "stream"), { kind: "arrow" });
    expect([batch.length, batch.record(1)]).toMatchObject([3, { id: 1, name: "n1", city: "Zürich", amount: 0.25 }]);
  });

  test("parseRaw() gives numbers of CSV as columns", () => {
    const { batch } = parse("1,x\n2.5,y\n", { kind: "csv", separator: ",", columns: ["n", "s"], types: "auto" });
    expect([...batch.column("n")!.numbers()]).toEqual([1, 2.5]);
  });
});

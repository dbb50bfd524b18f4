import { describe, expect, test } from "bun:test";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import fc from "fast-check";
import { apacheToJson, linesToJson } from "../../../../src/wire/format/index.ts";

/** Real lines that lie beside the checkout, not in it. */
const REAL_LOG = join(import.meta.dir, "../../../../../shared/data/apache_logs.gz");
const LINE =
  '83.149.9.216 - frank [17/May/2015:12:05:03 +0200] "GET /a%20b?x=1 HTTP/1.1" 200 203 "http://h/" "Mozilla/5.0 (\\"X\\")"';

function convert(text: string) {
  const { text: json, malformed, rows } = apacheToJson(Buffer.from(text), 1);
  const records = Buffer.from(json)
    .toString()
    .split("\n")
    .slice(0, -1)
    .map((line) => JSON.parse(line));
  expect(records.length).toBe(rows);
  return { records, malformed };
}

function request(text: string) {
  return convert(LINE.replace("GET /a%20b?x=1 HTTP/1.1", text)).records[0];
}

describe("apacheToJson", () => {
  test("apacheToJson() gives every field when the line is combined", () => {
    expect(convert(LINE).records).toEqual([
      {
        host: "83.149.9.216",
        ident: null,
        user: "frank",
        time: "2015-05-17T10:05:03Z",
        method: "GET",
        path: "/a%20b?x=1",
        protocol: "HTTP/1.1",
        status: 200,
        bytes: 203,
        referrer: "http://h/",
        agent: 'Mozilla/5.0 ("X")',
      },
    ]);
  });

  test("apacheToJson() leaves referrer and agent out when the line is common", () => {
    const [record] = convert('h - - [01/Jan/2020:00:00:00 -0130] "POST / HTTP/1.0" 304 -\r\n').records;
    expect(record.bytes).toBeNull();
    expect(record.time).toBe("2020-01-01T01:30:00Z");
    expect(Object.keys(record)).not.toContain("referrer");
  });

  test("apacheToJson() keeps a request that is none as request", () => {
    expect(request("-").request).toBeNull();
    expect(request("\\x16\\x03\\x01")).toMatchObject({ request: "\u0016\u0003\u0001" });
    expect(request("\\xff\\xfe").request).toBe("\\xff\\xfe");
    expect(request("").request).toBe("");
    expect(request("get /").request).toBe("get /");
    expect(request("-").path).toBeUndefined();
  });

  test("apacheToJson() reads a request line with spaces in its path or without protocol", () => {
    expect(request("GET /a b c HTTP/1.1")).toMatchObject({ path: "/a b c", protocol: "HTTP/1.1" });
    expect(request("GET /old")).toMatchObject({ method: "GET", path: "/old", protocol: null });
    expect(request('GET /a\\"b\\\\c HTTP/2').path).toBe('/a"b\\c');
  });

  test("apacheToJson() keeps going when an agent is cut off or text follows it", () => {
    expect(convert(LINE.slice(0, -4)).records[0].agent).toBe('Mozilla/5.0 ("X');
    expect(convert(`${LINE} 0.123 "more"`).records[0].extra).toBe('0.123 "more"');
    expect(convert('h - - [01/Jan/2020:00:00:00 +0000] "GET / HTTP/1.0" 200 5 tail').records[0].extra).toBe("tail");
  });

  test("apacheToJson() reads a user with spaces in it", () => {
    expect(convert(LINE.replace("frank", "john [x] doe")).records[0]?.user).toBeUndefined();
    expect(convert(LINE.replace("frank", "john q doe")).records[0].user).toBe("john q doe");
  });

  test("apacheToJson() says what is missing when a line is malformed", () => {
    const bad = [
      "garbage",
      LINE.replace("17/May", "32/May"),
      LINE.replace("/May/", "/Foo/"),
      LINE.replace("12:05", "24:05"),
      LINE.replace('] "GET', "] GET"),
      LINE.replace(" 200 ", " ok "),
      LINE.replace(" 203 ", " 0203 "),
    ];
    const { malformed, records } = convert(bad.join("\n"));
    expect(records).toEqual([]);
    expect(malformed.map(({ line }) => line)).toEqual([1, 2, 3, 4, 5, 6, 7]);
    expect(malformed.map(({ reason }) => reason.split(" ").slice(0, 3).join(" "))).toEqual([
      "expected: host, ident",
      "the time is",
      "the time is",
      "the time is",
      "no quoted request",
      "the status behind",
      "the bytes behind",
    ]);
  });

  test("apacheToJson() accounts for every byte mix without throwing", () => {
    const piece = fc.constantFrom(
      " ",
      '"',
      "[",
      "]",
      "-",
      "\\",
      "\\x",
      "200",
      "17/May/2015:10:05:03 +0000",
      "GET / HTTP/1.1",
      "\n",
      "é",
    );
    const text = fc.array(piece, { maxLength: 30 }).map((parts) => parts.join(""));
    const mutated = fc
      .tuple(fc.nat({ max: LINE.length }), piece)
      .map(([at, part]) => LINE.slice(0, at) + part + LINE.slice(at + 1));
    fc.assert(
      fc.property(fc.oneof(text, mutated, fc.uint8Array({ maxLength: 120 })), (input) => {
        const bytes = Buffer.from(input as string);
        const { text: json, rows, malformed } = apacheToJson(bytes, 1);
        const lines = Buffer.from(json).toString().split("\n").slice(0, -1);
        for (const line of lines) JSON.parse(line);
        const nonBlank = bytes
          .toString("latin1")
          .replace(/^\u00ef\u00bb\u00bf/, "")
          .split("\n")
          .filter((line) => line.replace(/\r$/, "") !== "");
        expect(lines.length).toBe(rows);
        expect(rows + malformed.length).toBe(nonBlank.length);
      }),
      { numRuns: 3000 },
    );
  });

  test.skipIf(!existsSync(REAL_LOG) && process.env.CI !== "true")(
    "apacheToJson() accounts for all lines of a real log (skipped when the log is not beside the checkout)",
    () => {
      const { rows, malformed, text } = apacheToJson(gunzipSync(readFileSync(REAL_LOG)), 1);
      expect(rows + malformed.length).toBe(10_000);
      expect(malformed).toEqual([]);
      const hosts = Buffer.from(text)
        .toString()
        .trimEnd()
        .split("\n")
        .map((line) => JSON.parse(line));
      expect(new Set(hosts.map(({ host }) => host)).size).toBe(1753);
      expect(hosts.filter(({ status }) => status === 404).length).toBe(213);
    },
  );
});

describe("linesToJson", () => {
  test("linesToJson() makes a record of every line, blank ones too", () => {
    const { text, rows } = linesToJson(Buffer.from('a "b"\r\n\nlast'), "text", 1);
    expect(rows).toBe(3);
    expect(Buffer.from(text).toString()).toBe('{"text":"a \\"b\\""}\n{"text":""}\n{"text":"last"}\n');
  });
});

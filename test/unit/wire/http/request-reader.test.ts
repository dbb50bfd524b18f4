/** Requests read: what is good comes out as it is meant, what is not is refused by its status, however the bytes are cut. */
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { type RequestHead, RequestReader } from "../../../../src/wire/http/index.ts";
import { cut, readRequests } from "./recording.ts";
import { VECTORS } from "./request-vectors.ts";

const crlf = (text: string): string => text.replaceAll("^", "\r\n");
const one = (text: string) => {
  const { fault, messages } = readRequests([crlf(text)]);
  expect(fault).toBeUndefined();
  expect(messages).toHaveLength(1);
  return { ...messages[0]!, head: messages[0]!.head as RequestHead };
};

describe("RequestReader", () => {
  for (const { name, rule, status, text } of VECTORS)
    test(`feed() refuses with ${status} when there is ${name}`, () => {
      const whole = readRequests([text]);
      expect([whole.fault?.status, whole.fault?.rule]).toEqual([status, rule]);
      expect(whole.messages.filter(({ isWhole }) => isWhole)).toEqual([]);
      const byBytes = readRequests(
        cut(
          Buffer.from(text, "latin1"),
          [...text].map((_, at) => at),
        ),
      );
      expect([byBytes.fault?.status, byBytes.fault?.rule]).toEqual([status, rule]);
    });

  test("the table holds at least 80 vectors, none of them twice", () => {
    expect(VECTORS.length).toBeGreaterThanOrEqual(80);
    expect(new Set(VECTORS.map(({ text }) => text)).size).toBe(VECTORS.length);
  });

  test("feed() reads a head when a browser's request comes", () => {
    const { head, keepAlive, length, isWhole } = one(
      "GET /a/b?c=d&e=%20f HTTP/1.1^Host: Example.com:8080^User-Agent:  Moz illa \t^Accept: */*^Connection: keep-alive^^",
    );
    expect(head).toEqual({
      method: "GET",
      target: "/a/b?c=d&e=%20f",
      scheme: "http",
      authority: "Example.com:8080",
      headers: ["user-agent", "Moz illa", "accept", "*/*"],
      version: "1.1",
      protocol: undefined,
      hop: ["connection", "keep-alive"],
    });
    expect([keepAlive, length, isWhole]).toEqual([true, 0, true]);
  });

  test("feed() tells the fields of the hop apart from the others when there are some", () => {
    const fields =
      "Connection: te^TE: trailers^X: 1^Connection: close^Expect: 100-continue^Transfer-Encoding: chunked^Upgrade: h2c^";
    const { head } = one(`POST / HTTP/1.1^Host: a^${fields}^0^^`);
    expect([head.headers, head.hop]).toEqual([
      ["x", "1"],
      [
        ...["connection", "te,close", "expect", "100-continue", "te", "trailers"],
        ...["transfer-encoding", "chunked", "upgrade", "h2c"],
      ],
    ]);
    expect(one("GET / HTTP/1.1^Host: a^Upgrade: h2c^^").head.hop).toEqual(["upgrade", "h2c"]);
    expect(one("GET / HTTP/1.1^Host: a^^").head.hop).toBeUndefined();
  });

  test("feed() keeps order, empty values and bytes above ASCII when fields hold them", () => {
    const { head } = one("GET / HTTP/1.1^Host: a^X: 1^Y:^x: 2^Z: \xfc\xff^X_Y: 3^^");
    expect(head.headers).toEqual(["x", "1", "y", "", "x", "2", "z", "\xfc\xff", "x_y", "3"]);
  });

  test("feed() takes out what belongs to one hop when connection names it or everybody knows it", () => {
    const { head, keepAlive } = one(
      "GET / HTTP/1.1^Host: a^Connection: X-Hop , close^X-Hop: 1^Keep-Alive: 5^Proxy-Connection: x^TE: trailers^Trailer: y^Upgrade: h2c^X: 1^^",
    );
    expect(head.headers).toEqual(["x", "1"]);
    expect([keepAlive, head.protocol]).toEqual([false, undefined]);
  });

  test("feed() reads a body by length, and the request behind it", () => {
    const { messages, rest } = readRequests([
      crlf("POST /1 HTTP/1.1^Host: a^Content-Length: 5^^helloGET /2 HTTP/1.1^Host: a^^"),
    ]);
    expect(messages.map(({ body, isWhole, length }) => [body, isWhole, length])).toEqual([
      ["hello", true, 5],
      ["", true, 0],
    ]);
    expect(rest).toBe("");
  });

  test("feed() reads a body in chunks when extensions and trailers are in it", () => {
    const { body, length, trailers } = one(
      "POST / HTTP/1.1^Host: a^Transfer-Encoding: Chunked^^5;a=b;c^hello^00A; q^ and more!^0^X-Sum: 1^y: ^^",
    );
    expect([body, length, trailers]).toEqual(["hello and more!", undefined, ["x-sum", "1", "y", ""]]);
  });

  test("feed() tells the authority of a target in absolute form, and its path", () => {
    const targets = ["http://a/b?c", "HTTP://A?c", "http://a"].map((target) => {
      const { head } = one(`GET ${target} HTTP/1.1^Host: a^^`);
      return [head.target, head.authority];
    });
    expect(targets).toEqual([
      ["/b?c", "a"],
      ["/?c", "a"],
      ["/", "a"],
    ]);
    expect(one("OPTIONS http://a HTTP/1.1^Host: a^^").head.target).toBe("*");
    expect(one("GET http://a:80/ HTTP/1.1^Host: a^^").head.authority).toBe("a"); // the port goes without saying
    expect(one("GET http://a/ HTTP/1.1^Host: A:80^^").head.authority).toBe("A:80");
    expect(one("OPTIONS * HTTP/1.1^Host: a^^").head.target).toBe("*");
  });

  test("feed() accepts hosts as machines are called", () => {
    for (const host of ["a", "a.b-c.example.", "my_host:1", "127.0.0.1:65535", "[::1]", "[fe80::1]:80"])
      expect(one(`GET / HTTP/1.1^Host: ${host}^^`).head.authority).toBe(host);
  });

  test("feed() keeps the connection as version and connection field say", () => {
    const keeps = (version: string, field: string): boolean =>
      one(`GET / HTTP/${version}^Host: a^${field === "" ? "" : `Connection: ${field}^`}^`).keepAlive;
    expect([keeps("1.1", ""), keeps("1.1", "Close"), keeps("1.1", "x, close"), keeps("1.1", "keep-alive")]).toEqual([
      true,
      false,
      false,
      true,
    ]);
    expect([keeps("1.0", ""), keeps("1.0", "Keep-Alive"), keeps("1.0", "keep-alive, close")]).toEqual([
      false,
      true,
      false,
    ]);
  });

  test("feed() recognises a WebSocket when GET of HTTP/1.1 asks for it without a body", () => {
    const asked = (start: string, fields: string): string | undefined =>
      one(`${start}^Host: a^${fields}^`).head.protocol;
    const fields = "Connection: keep-alive, Upgrade^Upgrade: WebSocket^";
    expect(asked("GET / HTTP/1.1", fields)).toBe("websocket");
    expect(asked("GET / HTTP/1.0", fields)).toBeUndefined();
    expect(asked("POST / HTTP/1.1", `${fields}Content-Length: 0^`)).toBeUndefined();
    expect(asked("GET / HTTP/1.1", "Upgrade: websocket^")).toBeUndefined();
    expect(
      asked("GET / HTTP/1.1", "Connection: upgrade, http2-settings^Upgrade: h2c^HTTP2-Settings: x^"),
    ).toBeUndefined();
  });

  test("feed() tells that the client waits for 100 Continue when there is a body", () => {
    expect(one("POST / HTTP/1.1^Host: a^Expect: 100-Continue^Content-Length: 1^^x").expectsContinue).toBe(true);
    expect(one("POST / HTTP/1.1^Host: a^Expect: 100-continue^^").expectsContinue).toBeUndefined();
    expect(one("POST / HTTP/1.0^Host: a^Expect: 100-continue^Content-Length: 1^^x").expectsContinue).toBeUndefined();
  });

  test("feed() passes over a few empty lines before a request", () => {
    const { messages } = readRequests([crlf("^GET /1 HTTP/1.1^Host: a^^^^^^GET /2 HTTP/1.1^Host: a^^")]);
    expect(messages.map(({ head }) => (head as RequestHead).target)).toEqual(["/1", "/2"]);
  });

  test("finish() reports what was cut short, and nothing between messages", () => {
    const ended = (text: string): string[] => {
      const faults: string[] = [];
      const events = {
        onHead() {},
        onData() {},
        onEnd() {},
        onFault: ({ rule }: { rule: string }) => faults.push(rule),
      };
      const reader = new RequestReader({ headerBytesMax: 100, headersMax: 9, targetBytesMax: 50 }, "http", events);
      reader.feed(Buffer.from(crlf(text)));
      reader.finish();
      return faults;
    };
    expect(ended("")).toEqual([]);
    expect(ended("GET / HTTP/1.1^Host: a^^")).toEqual([]);
    expect(ended("GET / HT")).toEqual(["cut_in_head"]);
    expect(ended("POST / HTTP/1.1^Host: a^Content-Length: 2^^x")).toEqual(["cut_in_body"]);
    expect(ended("POST / HTTP/1.1^Host: a^Transfer-Encoding: chunked^^0^")).toEqual(["cut_in_body"]);
  });

  test("feed() gives the same whatever the pieces are when vectors follow good requests", () => {
    const good = crlf("POST /x HTTP/1.1^Host: a^Transfer-Encoding: chunked^^3;x^abc^0^T: 1^^");
    const texts = fc.constantFrom(...VECTORS.map(({ text }) => text), good, good + good);
    fc.assert(
      fc.property(texts, fc.boolean(), fc.array(fc.nat(2_000), { maxLength: 12 }), (text, isBehind, cuts) => {
        const bytes = Buffer.from(isBehind ? good + text : text, "latin1");
        const plain = ({ fault, messages }: ReturnType<typeof readRequests>): unknown => [
          messages,
          fault?.rule,
          fault?.message,
        ];
        expect(plain(readRequests(cut(bytes, cuts)))).toEqual(plain(readRequests([bytes])));
      }),
      { numRuns: 400 },
    );
  });

  test("feed() gives the same whatever the pieces are, and never throws, when bytes are changed at random", () => {
    const seeds = VECTORS.map(({ text }) => text).concat(
      crlf("POST /x HTTP/1.1^Host: a^Transfer-Encoding: chunked^^3;x^abc^0^T: 1^^GET / HTTP/1.1^Host: a^^"),
    );
    const change = fc.record({ at: fc.nat(300), byte: fc.constantFrom(0, 9, 10, 13, 32, 58, 59, 65, 97, 48, 255) });
    fc.assert(
      fc.property(
        fc.constantFrom(...seeds),
        fc.array(change, { maxLength: 4 }),
        fc.array(fc.nat(1_000), { maxLength: 8 }),
        (text, changes, cuts) => {
          const bytes = Buffer.from(text, "latin1");
          for (const { at, byte } of changes) bytes[at % bytes.length] = byte;
          const [pieces, whole] = [readRequests(cut(bytes, cuts)), readRequests([bytes])];
          expect([pieces.messages, pieces.fault?.rule]).toEqual([whole.messages, whole.fault?.rule]);
        },
      ),
      { numRuns: 600 },
    );
  });
});

import { describe, expect, test } from "bun:test";
import { gunzipSync, gzipSync } from "node:zlib";
import fc from "fast-check";
import { OpenBody } from "../core/rig.ts";
import { post, rigOf } from "./mask-rig.ts";

const CARD = "4111111111111111";
const EVENTS = ["content-type", "text/event-stream"];
const JSON_TYPE = ["content-type", "application/json"];
/** More steps than a short text may take. */
const HARD = `${"ab".repeat(20)}x${"ba".repeat(20)}y`;
const HARD_RULE = "request|~(.*)(.*)(.*)x\\\\1\\\\2\\\\3y|mask";
const BOUNDS = { inflatedBytesMax: 4_096, inflateRatioMax: 100 };

/** `where|what|action|options` of each mask. */
function rigWith(...lines: string[]) {
  return rigOf(lines, { bounds: BOUNDS });
}

describe("RouteMasks in requests", () => {
  test("step() hides fields before the upstream gets them when the body is JSON, and says how many", () => {
    const { own, rig } = rigWith("request|$.card|mask|keep_last=4", "request|$.pin|remove");
    post(rig, `{"card":"${CARD}","pin":1,"n":12345678901234567890}`, [
      ...JSON_TYPE,
      "digest",
      "x",
      "content-length",
      "99",
    ]);
    const asked = rig.asked();
    expect(asked.upload.text).toBe('{"card":"************1111","n":12345678901234567890}');
    expect(asked.request.body!.length).toBe(asked.upload.text.length);
    expect([asked.header("digest"), asked.header("content-length")]).toEqual([undefined, undefined]);
    asked.replies(200);
    expect(rig.ended[0]!.notes).toEqual([{ masked: 2 }]);
    expect(own.counts).toEqual({ masked: 2, refused: 0 });
  });

  test("step() hides patterns in query, headers and trailers, and leaves credentials alone", () => {
    const { rig } = rigWith("request|card|mask|keep_last=4", "request|token|mask");
    const body = new OpenBody();
    const secret = `Bearer ${"a1B2".repeat(10)}`;
    const headers = ["x-card", CARD, "authorization", secret, "cookie", `c=${CARD}`, "content-type", "text/plain"];
    rig.send(`/p?a=${CARD}&b=x%2Fy`, { method: "POST", body, headers });
    body.write("41111111");
    body.write("11111111");
    expect(rig.upstreams.asked).toHaveLength(0);
    body.sink!.end(["x-last", CARD]);
    const asked = rig.asked();
    expect(asked.request.head.target).toBe("/p?a=************1111&b=x%2Fy");
    expect([asked.header("x-card"), asked.header("authorization"), asked.header("cookie")]).toEqual([
      ...["************1111", secret, `c=${CARD}`],
    ]);
    expect([asked.upload.text, asked.upload.trailers]).toEqual(["************1111", ["x-last", "************1111"]]);
  });

  test("step() inflates a body to look into it, and sends it plain when something was hidden", () => {
    const { rig } = rigWith("request|card|mask|keep_last=4");
    const headers = [...JSON_TYPE, "content-encoding", "gzip"];
    post(rig, gzipSync(`["${CARD}"]`), headers);
    expect([rig.asked(0).upload.text, rig.asked(0).header("content-encoding")]).toEqual([
      '["************1111"]',
      undefined,
    ]);
    post(rig, gzipSync('["nothing"]'), headers);
    expect(rig.asked(1).header("content-encoding")).toBe("gzip");
    expect(rig.asked(1).request.body!.length).toBe(gzipSync('["nothing"]').byteLength);
  });

  test.each([
    ["JSON that is none", "{", JSON_TYPE, 400, "gateway.body_unreadable"],
    ["a coding that nobody knows", "x", [...JSON_TYPE, "content-encoding", "lzma"], 400, "gateway.body_unreadable"],
    [
      "two codings",
      "x",
      [...JSON_TYPE, "content-encoding", "gzip", "content-encoding", "br"],
      400,
      "gateway.body_unreadable",
    ],
    [
      "a bomb",
      gzipSync("a".repeat(100_000)),
      ["content-type", "text/plain", "content-encoding", "gzip"],
      413,
      "gateway.body_too_large",
    ],
    ["more bytes than are taken", "x".repeat(4_097), ["content-type", "text/plain"], 413, "gateway.body_too_large"],
    ["UTF-16", "x", ["content-type", "text/plain; charset=utf-16"], 400, "gateway.body_unreadable"],
    ["records in another form", "x", ["content-type", "application/msgpack"], 415, "gateway.body_unreadable"],
    ["two types", "x", ["content-type", "image/png", "content-type", "text/plain"], 415, "gateway.body_unreadable"],
    ["protobuf", "x", ["content-type", "application/proto"], 415, "gateway.body_unreadable"],
    [
      "Connect's stream of protobuf",
      "x",
      ["content-type", "application/connect+proto"],
      415,
      "gateway.body_unreadable",
    ],
    [
      "Connect's stream of JSON",
      "\0\0\0\0\x02{}",
      ["content-type", "application/connect+json"],
      400,
      "gateway.body_unreadable",
    ],
    [
      "Amazon's stream of events",
      "x",
      ["content-type", "application/vnd.amazon.eventstream"],
      415,
      "gateway.body_unreadable",
    ],
    [
      "lines of JSON, one of them broken",
      '{"a":1}\n{"a":\n',
      ["content-type", "application/jsonl"],
      400,
      "gateway.body_unreadable",
    ],
  ])("step() refuses the request when the body is %s", (_what, body, headers, status, code) => {
    const { own, rig } = rigWith("request|card|mask");
    const client = post(rig, body, headers);
    expect([client.status, client.problem.code, rig.upstreams.asked.length]).toEqual([status, code, 0]);
    expect(own.counts.refused).toBe(1);
  });

  test("step() refuses gRPC and upgrades when anything is hidden on the route, also in replies only", () => {
    const { rig } = rigWith("response|card|mask");
    const grpc = rig.send("/", { method: "POST", headers: ["content-type", "application/grpc"] });
    expect([grpc.status, grpc.header("grpc-status")]).toEqual([200, "3"]);
    const socket = rig.send("/", { protocol: "websocket" });
    expect([socket.status, socket.problem.code]).toEqual([501, "gateway.body_unreadable"]);
    expect(rig.upstreams.asked).toHaveLength(0);
  });

  test.each([
    ["application/grpc", "3"],
    ["application/grpc+proto", "3"],
    ["application/grpc-web-text", 415],
    ["Application/GRPC-Web+json", 415],
  ])(
    "step() refuses a call of type %s before a byte of its body is read when only replies are masked",
    (type, said) => {
      const { own, rig } = rigWith("response|card|mask");
      const client = rig.send("/", { method: "POST", body: new OpenBody(), headers: ["content-type", type] });
      expect([client.header("grpc-status") ?? client.status, rig.upstreams.asked.length]).toEqual([said, 0]);
      expect(own.counts.refused).toBe(1);
    },
  );

  test("step() hides fields when a body has a type that is none, or one of JSON that few know", () => {
    const { rig } = rigWith("request|$.name|mask|keep_last=0");
    const types = ["application/json, image/png", "json", "application/x-amz-json-1.1", "application/x-ndjson"];
    for (const type of types) post(rig, '{"name":"Ada"}', ["content-type", type]);
    expect(types.map((_, at) => rig.asked(at).upload.text)).toEqual(types.map(() => '{"name":"***"}'));
  });

  test("step() and guard hide patterns in escaped pieces of headers, and leave the rest as it is", () => {
    const { rig } = rigWith("request;response|email|mask|keep_last=0");
    const referer = "https://a.example/p%20q?x=%zz&email=joe%40example.com&m=M%FCller%40example.com#f";
    const client = rig.send("/", { headers: ["referer", referer] });
    expect(rig.asked().header("referer")).toBe(
      "https://a.example/p%20q?x=%zz&email=***************&m=******************#f",
    );
    rig.asked().replies(302, ["location", "/x?email=joe%40example.com", "link", '</u/joe%40example.com>; rel="next"']);
    expect(client.head!.headers).toEqual([
      "location",
      "/x?email=***************",
      "link",
      '</u/***************>; rel="next"',
    ]);
  });

  test("step() leaves alone what says how the body is to be read", () => {
    const { rig } = rigWith("request|~[0-9]+|mask|keep_last=0");
    post(rig, "n 12", ["content-type", "text/plain; v=17", "x-n", "17"]);
    expect([rig.asked().header("content-type"), rig.asked().header("x-n"), rig.asked().upload.text]).toEqual([
      ...["text/plain; v=17", "**", "n **"],
    ]);
  });

  test.each([
    ["header", "/", ["x", HARD]],
    ["query", `/?x=${HARD}`, []],
  ])("step() refuses when an expression takes too long in a %s", (_where, target, headers) => {
    const { own, rig } = rigWith(HARD_RULE);
    const client = post(rig, "x", [...headers, "content-type", "text/plain"], target);
    expect([client.status, client.problem.code, rig.upstreams.asked.length]).toEqual([
      400,
      "gateway.body_unreadable",
      0,
    ]);
    expect(own.counts.refused).toBe(1);
  });

  test("step() lets a picture of any length through as it comes when there is nothing to read in it", () => {
    const { rig } = rigWith("request|card|mask");
    const body = new OpenBody();
    rig.send("/", { method: "PUT", body, headers: ["content-type", "image/png"] });
    body.write(CARD.repeat(1_000));
    expect(rig.asked().upload.text).toHaveLength(16_000);
  });

  test("step() hides patterns in the trailers of a body that it does not look into, and breaks it off when it cannot", () => {
    const { own, rig } = rigWith("request|card|mask|keep_last=4", HARD_RULE);
    const send = (trailers: string[]) => {
      const body = new OpenBody();
      const client = rig.send("/", { method: "POST", headers: ["content-type", "image/png"], body });
      body.write(CARD);
      body.sink!.end(trailers);
      return client;
    };
    send(["x-card", CARD]);
    expect(rig.asked().upload).toMatchObject({ text: CARD, trailers: ["x-card", "************1111"] });
    const refused = send(["x", HARD]);
    expect([rig.asked(1).upload.broken, refused.problem.code]).toEqual([
      "gateway.body_unreadable",
      "gateway.body_unreadable",
    ]);
    expect(own.counts.refused).toBe(1);
  });

  test("step() refuses when the client's body breaks off", () => {
    const { rig } = rigWith("request|card|mask");
    const body = new OpenBody();
    const client = rig.send("/", { method: "POST", body, headers: JSON_TYPE });
    client.goes();
    expect([rig.ended.length, rig.upstreams.asked.length]).toEqual([1, 0]);
  });
});

describe("RouteMasks in replies", () => {
  const asking = (...lines: string[]) => {
    const { own, rig } = rigWith(...(lines.length > 0 ? lines : ["response|card|mask|keep_last=4"]));
    const client = rig.send("/", { headers: ["accept-encoding", "gzip, br"] });
    return { own, client, asked: rig.asked(), rig };
  };

  test("guard hides what a reply holds, and drops what is not true of it any more", () => {
    const { asked, client } = asking();
    expect(asked.header("accept-encoding")).toBe("identity");
    const headers = [...JSON_TYPE, "etag", '"1"', "content-length", "20", "x-card", CARD, "set-cookie", `c=${CARD}`];
    asked.replies(200, headers, `["${CARD}"]`, ["t", CARD]);
    expect(client.text).toBe('["************1111"]');
    expect(client.head!.headers).toEqual([...JSON_TYPE, "x-card", "************1111", "set-cookie", `c=${CARD}`]);
    expect(client.sink!.trailers).toEqual(["t", "************1111"]);
  });

  test("guard tells no length of a reply when trailers come behind it, which HTTP/1.1 has only behind chunks", () => {
    for (const text of [`["${CARD}"]`, '["x"]']) {
      const plain = asking();
      plain.asked.replies(200, [...JSON_TYPE, "content-length", "5"], text);
      const trailed = asking();
      trailed.asked.replies(200, [...JSON_TYPE, "content-length", "5"], text, ["t", CARD]);
      expect([plain.client.length, trailed.client.length]).toEqual([text.length, undefined]);
      expect([trailed.client.header("content-length"), trailed.client.sink!.trailers]).toEqual([
        undefined,
        ["t", "************1111"],
      ]);
    }
  });

  test("guard leaves a reply as it is when it holds nothing to hide, also one that is coded", () => {
    const { asked, client } = asking();
    const body = gzipSync('["x"]');
    const sent = asked.begins(200, [...JSON_TYPE, "content-encoding", "gzip", "etag", '"1"'], body.byteLength);
    const chunks: Uint8Array[] = [];
    sent.sink!.write(body);
    sent.sink!.end();
    chunks.push(body);
    expect(gunzipSync(Buffer.concat(chunks)).toString()).toBe('["x"]');
    expect(client.head!.headers).toEqual([...JSON_TYPE, "content-encoding", "gzip", "etag", '"1"']);
  });

  test.each([
    ["JSON that is none", JSON_TYPE, 200, `{"a":${CARD}`, 502],
    ["longer than is looked at", JSON_TYPE, 200, `"${"x".repeat(5_000)}"`, 502],
    ["gRPC", ["content-type", "application/grpc"], 200, CARD, 502],
    ["a part", ["content-type", "text/plain", "content-range", "bytes 0-15/99"], 206, CARD, 502],
    ["a coded stream", ["content-type", "text/event-stream", "content-encoding", "gzip"], 200, CARD, 502],
    ["of two types", ["content-type", "text/plain", "content-type", "image/png"], 200, CARD, 502],
    ["of two types, the first a stream", [...EVENTS, "content-type", "image/png"], 200, CARD, 502],
    ["of two types, the first a picture", ["content-type", "image/png", "content-type", "a/json"], 200, CARD, 502],
    ["events in UTF-16", ["content-type", "text/event-stream; charset=utf-16"], 200, "data", 502],
    ["lines in UTF-16", ["content-type", "application/x-ndjson; charset=utf-16le"], 200, "1", 502],
    ["gRPC-web", ["content-type", "application/grpc-web+proto"], 200, CARD, 502],
    ["protobuf", ["content-type", "application/x-protobuf"], 200, CARD, 502],
    ["a coded list of records", ["content-type", "application/jsonl", "content-encoding", "br"], 200, CARD, 502],
  ])("guard refuses the reply when it is %s", (_what, headers, status, text, refused) => {
    const { asked, client, own, rig } = asking();
    asked.replies(status, headers, text);
    expect(client.status).toBe(refused);
    expect(client.text).not.toContain(CARD);
    expect(rig.ended).toHaveLength(1);
    expect(own.counts.refused + (client.problem.code === "gateway.reply_too_large" ? 1 : 0)).toBe(1);
  });

  test.each([
    ["text/plain", "x", ["x-y", HARD]],
    ["text/plain", HARD, []],
    ["image/png", "x", ["x-y", HARD]],
    ["text/event-stream", "data: x\n\n", ["x-y", HARD]],
  ])("guard refuses a reply of %s when an expression takes too long in it", (type, text, headers) => {
    const { asked, client, own } = asking(HARD_RULE.replace("request", "response"));
    asked.replies(200, ["content-type", type, ...headers], text);
    expect([client.status, client.problem.code, own.counts.refused]).toEqual([502, "gateway.body_unreadable", 1]);
  });

  test.each([
    ["JSON", "response|$.ssn|mask", 206],
    ["JSON", "response|$.ssn|mask", 200],
    ["image/png", "response|card|mask", 206],
  ])("guard refuses several parts in one reply when they are of %s, under %s, with status %d", (_of, line, status) => {
    const { asked, client, own } = asking(line);
    asked.replies(
      status,
      ["content-type", "multipart/byteranges; boundary=B"],
      '--B\r\n\r\nssn":"078-05-1120"}\r\n--B--',
    );
    expect([client.status, client.problem.code, own.counts.refused]).toEqual([502, "gateway.body_unreadable", 1]);
  });

  test("step() asks for the whole when a client asks for several parts of a reply that is looked into, and leaves one part alone", () => {
    const { rig } = rigWith("response|$.ssn|mask");
    rig.send("/", { headers: ["range", "bytes=0-1,2-999", "if-range", '"1"'] });
    rig.send("/", { headers: ["range", "bytes=0-1", "range", "bytes=2-999"] });
    rig.send("/", { headers: ["range", "bytes=2-999", "if-range", '"1"'] });
    const ranges = [0, 1, 2].map((at) => [rig.asked(at).header("range"), rig.asked(at).header("if-range")]);
    expect(ranges).toEqual([
      [undefined, undefined],
      [undefined, undefined],
      ["bytes=2-999", '"1"'],
    ]);
  });

  test("guard lets pictures through as they come, with their parts and their headers masked", () => {
    const { asked, client } = asking();
    const body = asked.begins(206, ["content-type", "image/png", "etag", '"1"', "x", CARD]);
    body.write(CARD);
    expect([client.status, client.text]).toEqual([206, CARD]);
    expect(client.head!.headers).toEqual(["content-type", "image/png", "etag", '"1"', "x", "************1111"]);
  });

  test("guard says nothing of a length when a reply has no body", () => {
    const { rig } = rigWith("response|card|mask");
    const client = rig.send("/", { method: "HEAD" });
    rig.asked().replies(200, [...JSON_TYPE, "content-length", "20", "etag", '"1"']);
    expect(client.head!.headers).toEqual(JSON_TYPE);
  });

  test("guard lets a text through unread when only fields are hidden and it is called something else than plain", () => {
    const { asked, client } = asking("response|$.name|mask");
    asked.begins(200, ["content-type", "text/html"]).write("<p>");
    expect(client.text).toBe("<p>");
  });
});

describe("RecordFlow", () => {
  const streaming = (type: string, ...lines: string[]) => {
    const { clock, own, rig } = rigWith(
      ...(lines.length > 0 ? lines : ["response|card|mask|keep_last=4", "response|$.name|mask|keep_last=0"]),
    );
    const client = rig.send("/");
    const body = rig.asked().begins(200, ["content-type", type, "content-length", "7"]);
    return { clock, own, body, client, rig };
  };

  test("RecordFlow masks each line of NDJSON when it is whole, and not before", () => {
    const { body, client, own } = streaming("application/x-ndjson");
    body.write(`{"name":"Ada"}\n{"card":"41111111`);
    expect(client.text).toBe('{"name":"***"}\n');
    body.write(`11111111"}\n\n`);
    body.write('{"name":"Bob"}');
    body.sink!.end();
    expect(client.text).toBe('{"name":"***"}\n{"card":"************1111"}\n\n{"name":"***"}');
    expect([own.counts.masked, client.header("content-length")]).toEqual([3, undefined]);
  });

  test("RecordFlow masks the data of an event as one text when it has several lines, and other lines by themselves", () => {
    const { body, client } = streaming("text/event-stream; charset=utf-8");
    body.write(`: ${CARD}\r\nid: 7\r\ndata: {"name":\r\ndata: "Ada"}\r\n\r`);
    body.write(`\ndata: [DONE]\n\ndata:plain ${CARD}\n\n`);
    expect(client.text.replaceAll("\r\n", "\n")).toBe(
      ': ************1111\nid: 7\ndata: {"name":\ndata: "***"}\n\ndata: [DONE]\n\ndata: plain ************1111\n\n',
    );
  });

  test.each(["application/jsonl", "application/stream+json", "application/x-ldjson"])(
    "RecordFlow masks record by record when the type is %s",
    (type) => {
      const { body, client } = streaming(type);
      body.write('{"name":"Ada"}\n{"name"');
      expect(client.text).toBe('{"name":"***"}\n');
    },
  );

  test.each([['[null,{"name":"joe"}]'], ['[true,{"name":"joe"}]'], ['[ false , {"name":"joe"}]']])(
    "RecordFlow finds the fields of an event of %s",
    (data) => {
      const { body, client } = streaming("text/event-stream", "response|$..name|mask|keep_last=0");
      body.write(`data: ${data}\n\n`);
      expect(client.text).toBe(`data: ${data.replace("joe", "***")}\n\n`);
    },
  );

  test("RecordFlow lets words in brackets go on when fields are hidden", () => {
    const { body, client } = streaming("text/event-stream");
    body.write("data: [DONE]\n\ndata: [INFO] so\n\n");
    expect(client.text).toBe("data: [DONE]\n\ndata: [INFO] so\n\n");
  });

  test("RecordFlow finds the fields of the first event when the stream begins with a byte order mark", () => {
    const { body, client } = streaming("text/event-stream");
    body.write('\ufeffdata: {"name":"Ada"}\n\n');
    expect(client.text).toBe('data: {"name":"***"}\n\n');
  });

  test("RecordFlow leaves JSON that is JSON when only patterns are hidden, and finds them in what only looks so", () => {
    const { body, client } = streaming("text/event-stream", "response|card|mask|keep_last=4");
    body.write(`data: {"n":${CARD}}\n\ndata: {n: ${CARD}}\n\n`);
    expect(client.text).toBe('data: {"n":"************1111"}\n\ndata: {n: ************1111}\n\n');
  });

  test("RecordFlow breaks a stream off when an expression takes too long in many short records together", () => {
    const { body, client } = streaming("application/x-ndjson", HARD_RULE.replace("request", "response"));
    const record = `"${"ab".repeat(3)}x${"ba".repeat(3)}y"\n`;
    for (let sent = 0; sent < 5; sent++) expect(body.write(record)).toBe(true);
    for (let sent = 0; sent < 100; sent++) body.write(record);
    expect(client.sink!.broken).toBe("gateway.body_unreadable");
  });

  test.each([
    ["application/x-ndjson", "{broken\n", "gateway.body_unreadable"],
    ["application/x-ndjson", `"${"x".repeat(1024 * 1024)}`, "gateway.body_too_large"],
    ["text/event-stream", 'data: {"name": NaN, "x": 1}\n\n', "gateway.body_unreadable"],
    ["text/event-stream", `data: ${"x".repeat(1024 * 1024)}`, "gateway.body_too_large"],
    ["text/event-stream", "data: 4\x001\0\n\n", "gateway.body_unreadable"],
    ["application/x-ndjson", '{"a":\0"1"}\n', "gateway.body_unreadable"],
  ])("RecordFlow breaks a stream of %s off when a record cannot be masked", (type, text, code) => {
    const { body, client, clock, own, rig } = streaming(type);
    const takesMore = body.write(text);
    clock.turn();
    expect(takesMore).toBe(false);
    expect([client.sink!.broken, body.cancelled?.code, client.text]).toEqual([code, code, ""]);
    expect(rig.ended.map(({ why }) => why)).toEqual([code]);
    expect(own.counts.refused).toBe(1);
  });

  test.each(["utf16le", "with a mark"])(
    "RecordFlow breaks events off that are in UTF-16 when nothing says so: %s",
    (how) => {
      const { body, client } = streaming("text/event-stream");
      const events = Buffer.from(`${how === "with a mark" ? "\ufeff" : ""}data: {"n":"${CARD}"}\n\n`, "utf16le");
      body.sink!.write(how === "with a mark" ? Buffer.concat([events.subarray(0, 2), Buffer.from("\n\n")]) : events);
      if (client.sink!.ending === undefined) body.sink!.end();
      expect([client.sink!.broken, client.text]).toEqual(["gateway.body_unreadable", ""]);
    },
  );

  test("RecordFlow gives the same when the bytes come in other pieces, and never a card", () => {
    const event = fc.constantFrom(`data: ${CARD}`, 'data: {"name":"Ada"}', ": note", "data: a\ndata: b", "", "id: 1");
    const text = fc.tuple(fc.array(event, { maxLength: 6 }), fc.constantFrom("\n", "\r\n", "\r")).map(([events, end]) =>
      events
        .map((each) => `${each}\n\n`)
        .join("")
        .replaceAll("\n", end),
    );
    const run = (pieces: readonly string[]): string => {
      const { body, client } = streaming("text/event-stream");
      for (const piece of pieces) if (piece !== "") body.write(piece);
      body.sink!.end();
      return client.text.replace(/\r\n?/g, "\n");
    };
    fc.assert(
      fc.property(text, fc.array(fc.nat(40), { maxLength: 8 }), (whole, cuts) => {
        const at = [...cuts, whole.length].sort((left, right) => left - right);
        const pieces = at.map((end, index) => whole.slice(index === 0 ? 0 : at[index - 1], end));
        expect(run(pieces)).toBe(run([whole]));
        expect(run(pieces)).not.toContain(CARD);
      }),
    );
  });

  test("RecordFlow passes on that nobody wants more when the client goes", () => {
    const { body, client, rig } = streaming("text/event-stream");
    body.write("data: x\n\n");
    client.goes();
    expect(body.cancelled?.code).toBe("gateway.client_gone");
    expect(rig.ended).toHaveLength(1);
  });
});

/** Replies made smaller: whose, how, and what stays as it is; whole ones at once, others on their way. */
import { describe, expect, test } from "bun:test";
import { brotliDecompressSync, gunzipSync, zstdDecompressSync } from "node:zlib";
import fc from "fast-check";
import { Failure } from "../../../../../src/base/errors.ts";
import { accepted } from "../../../../../src/edge/gateway/core/coding.ts";
import { compressing } from "../../../../../src/edge/gateway/core/compress.ts";
import type { Passage } from "../../../../../src/edge/gateway/core/index.ts";
import type { BodySink, HeaderList, ReplyHead } from "../../../../../src/wire/http/index.ts";
import { headerOf } from "../../../../../src/wire/http/index.ts";
import { until } from "../../../../support/until.ts";
import { CoreRig } from "./rig.ts";

const HTML: HeaderList = ["content-type", "text/html"];
const UNPACK = { gzip: gunzipSync, br: brotliDecompressSync, zstd: zstdDecompressSync };

test("accepted() is what the client likes best, zstd before Brotli before gzip where it does not say", () => {
  for (const [accept, found] of [
    ["gzip, deflate, br, zstd", "zstd"],
    ["gzip, deflate, br", "br"],
    ["gzip", "gzip"],
    ["X-GZIP", "gzip"],
    ["br;q=0.5, gzip", "gzip"],
    ["br;q=0.5, gzip;q=0.50", "br"],
    ["zstd;q=0, *", "br"],
    ["*;q=0.1, gzip;q=0", "zstd"],
    ["*", "zstd"],
    ["gzip;q=0", undefined],
    ["gzip;q=0.000", undefined],
    ["gzip;q=2, br;q=x", undefined],
    ["identity", undefined],
    ["", undefined],
  ] as const)
    expect([accept, accepted(accept)]).toEqual([accept, found]);
});

describe("compressing() of whole replies", () => {
  const rig = () => new CoreRig("route|r|/*|http://up|compress=true");
  const text = "all work and no play ".repeat(100);
  const ACCEPT = ["accept-encoding", "zstd;q=0.1, gzip;q=0.5"];
  const reply = (headers: HeaderList, { request = ACCEPT, status = 200, body = text } = {}) => {
    const core = rig();
    const client = core.send("/", { headers: request });
    core.asked().replies(status, headers, body);
    return client;
  };

  test("compressing() makes a text smaller when the client takes it so, and says what has changed", () => {
    const client = reply([...HTML, "etag", '"1"', "vary", "a", "content-length", String(text.length)]);
    expect([client.header("content-encoding"), client.header("vary"), client.header("etag")]).toEqual([
      ...["gzip", "a, accept-encoding", 'W/"1"'],
    ]);
    expect(client.header("content-length")).toBeUndefined();
  });

  test.each([
    ["it is packed already", [...HTML, "content-encoding", "br"], {}],
    ["it is no text", ["content-type", "image/png"], {}],
    ["it is a stream", ["content-type", "text/event-stream"], {}],
    ["it is a part", HTML, { status: 206 }],
    ["it is short", HTML, { body: "short" }],
    ["nobody may", [...HTML, "cache-control", "no-transform"], {}],
  ])(
    "compressing() leaves a reply alone when %s",
    (_why, headers, more: { request?: string[]; status?: number; body?: string }) => {
      const client = reply(headers, more);
      expect(client.head!.headers).toEqual(headers);
      expect(client.text).toBe(more.body ?? text);
    },
  );
});

test("compressing() sends nothing of a whole reply before its end, and refuses one that breaks off", () => {
  const core = new CoreRig("route|r|/*|http://up|compress=true,retries=0");
  const client = core.send("/", { headers: ["accept-encoding", "gzip"] });
  const body = core.asked().begins(200, HTML, 4_000);
  for (let piece = 0; piece < 4; piece++) body.write("x".repeat(1_000));
  expect(client.head).toBeUndefined();
  body.sink!.end(["t", "1"]);
  expect([client.header("content-encoding"), client.length! < 200, client.sink!.trailers]).toEqual([
    ...["gzip", true, ["t", "1"]],
  ]);
  const cut = core.send("/", { headers: ["accept-encoding", "gzip"] });
  const broken = core.asked(1).begins(200, HTML, 4_000);
  broken.write("x".repeat(1_000));
  broken.sink!.abort(new Failure("gateway.upstream_closed", "cut"));
  expect([cut.status, cut.problem.code]).toEqual([502, "gateway.upstream_closed"]);
});

test("compressing() leaves a whole reply as it is when that is not longer than what would become of it", () => {
  const core = new CoreRig("route|r|/*|http://up|compress=true");
  const client = core.send("/", { headers: ["accept-encoding", "zstd"] });
  const body = core.asked().begins(200, HTML, 1_500);
  body.sink!.write(crypto.getRandomValues(new Uint8Array(1_500)));
  body.sink!.end();
  expect([client.header("content-encoding"), client.length, client.header("vary")]).toEqual([
    ...[undefined, 1_500, "accept-encoding"],
  ]);
});

test("compressing() says that a reply varies when another client would get it coded", () => {
  const text = "all work and no play ".repeat(100);
  const varies = (request: string[], { method = "GET", headers = HTML, body = text } = {}) => {
    const core = new CoreRig("route|r|/*|http://up|compress=true");
    const client = core.send("/", { method, headers: request });
    core.asked().replies(200, headers, body);
    return [client.header("content-encoding"), client.header("vary"), client.header("content-type")];
  };
  const plain = [undefined, "accept-encoding", "text/html"];
  expect(varies([])).toEqual(plain);
  expect(varies(["accept-encoding", "gzip;q=0"])).toEqual(plain);
  expect(varies([], { headers: [...HTML, "vary", "origin, Accept-Encoding"] })[1]).toBe("origin, Accept-Encoding");
  expect(varies(["accept-encoding", "gzip"], { headers: [...HTML, "vary", "*"] }).slice(0, 2)).toEqual(["gzip", "*"]);
  expect(varies([], { headers: [...HTML, "cache-control", "no-transform"] })[1]).toBeUndefined();
  expect(varies([], { body: "short" })[1]).toBeUndefined();
  expect(varies([], { method: "HEAD", headers: [...HTML, "content-length", "2100"], body: "" }).slice(0, 2)).toEqual([
    ...[undefined, "accept-encoding"],
  ]);
});

/** What is written to a reply, and what comes out. */
class Taking implements BodySink {
  onReady: (() => void) | undefined;
  onCancel: ((cause: Failure) => void) | undefined;
  head: ReplyHead | undefined;
  length: number | undefined;
  takes = true;
  over: string | undefined;
  readonly chunks: Uint8Array[] = [];

  write(chunk: Uint8Array): boolean {
    this.chunks.push(chunk);
    return this.takes;
  }

  end(trailers?: HeaderList): void {
    this.over = `end ${trailers?.join(" ") ?? ""}`.trim();
  }

  abort({ code }: Failure): void {
    this.over = `abort ${code}`;
  }

  get bytes(): Buffer {
    return Buffer.concat(this.chunks);
  }
}

function streaming(accept: string, guard = compressing(), headers = HTML, length?: number) {
  const ends: (() => void)[] = [];
  const request = { method: "GET", headers: ["accept-encoding", accept] };
  const passage = { request, atEnd: (end: () => void) => ends.push(end) } as unknown as Passage; // what it asks of one
  const taking = new Taking();
  const sink = guard.take(passage, { status: 200, headers }, length, (head, size) => {
    taking.head = head;
    taking.length = size;
    return taking;
  }) as BodySink;
  return { sink, taking, end: () => ends.forEach((end) => void end()) };
}

describe("compressing() of streams", () => {
  for (const coding of ["gzip", "br", "zstd"] as const)
    test(`compressing() sends each piece on as it comes when it is coded with ${coding}`, async () => {
      const { sink, taking } = streaming(coding);
      expect(headerOf(taking.head!.headers, "content-encoding")).toBe(coding);
      sink.write(Buffer.from("first "));
      await until("the first piece is out", () => taking.chunks.length > 0);
      const pieces = taking.chunks.length;
      sink.write(Buffer.from("second"));
      await until("the second piece is out", () => taking.chunks.length > pieces);
      sink.end(["t", "1"]);
      await until("it is over", () => taking.over);
      expect([UNPACK[coding](taking.bytes).toString(), taking.over]).toEqual(["first second", "end t 1"]);
    });

  test("compressing() gives back every byte, whatever is written", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom("gzip" as const, "br" as const, "zstd" as const),
        fc.array(fc.uint8Array({ minLength: 1, maxLength: 30_000 }), { maxLength: 6 }),
        async (coding, chunks) => {
          const { sink, taking } = streaming(coding);
          for (const chunk of chunks) sink.write(chunk);
          sink.end();
          await until("it is over", () => taking.over);
          expect(UNPACK[coding](taking.bytes).equals(Buffer.concat(chunks))).toBe(true);
        },
      ),
      { numRuns: 30 },
    );
  });

  test("compressing() takes no more when the client does not, and goes on when it does", async () => {
    const { sink, taking } = streaming("gzip");
    taking.takes = false;
    let readies = 0;
    sink.onReady = () => readies++;
    const noise = crypto.getRandomValues(new Uint8Array(60_000));
    let written = 0;
    await until("it is full", () => {
      written++;
      return !sink.write(noise) && written > 8;
    });
    expect(taking.bytes.byteLength).toBeLessThan(written * noise.byteLength);
    taking.takes = true;
    taking.onReady!();
    await until("it takes more", () => readies > 0);
    sink.end();
    await until("it is over", () => taking.over);
    expect(gunzipSync(taking.bytes).byteLength).toBe(written * noise.byteLength);
  });

  test("compressing() breaks off when its writer does, and tells its writer when its client does", async () => {
    const broken = streaming("gzip");
    broken.sink.write(Buffer.from("x"));
    broken.sink.abort(new Failure("gateway.upstream_closed", "it went"));
    expect(broken.taking.over).toBe("abort gateway.upstream_closed");
    const gone = streaming("gzip");
    let told = "";
    gone.sink.onCancel = ({ code }) => {
      told = code;
    };
    gone.taking.onCancel!(new Failure("gateway.client_gone", "it went"));
    expect([told, gone.sink.write(Buffer.from("x")), gone.taking.over]).toEqual([
      "gateway.client_gone",
      false,
      undefined,
    ]);
  });

  test("compressing() leaves what is a stream of events, or is one too many", () => {
    const events: HeaderList = ["content-type", "text/event-stream"];
    expect(streaming("gzip", compressing(), events).taking.head!.headers).toBe(events);
    expect(streaming("gzip", compressing(), HTML, 2_000_000).taking.length).toBeUndefined();
    const one = compressing(1);
    const first = streaming("gzip", one);
    const coding = () => headerOf(streaming("gzip", one).taking.head!.headers, "content-encoding");
    expect(coding()).toBeUndefined();
    first.end();
    expect(coding()).toBe("gzip");
  });
});

/** Records that are handed to an HTTP source inside of this process: taken and refused as those that come to its port. */
import { describe, expect, test } from "bun:test";
import { systemClock } from "../../../../../../src/base/clock.ts";
import type { PostAnswer, Posted } from "../../../../../../src/work/pipeline/source/index.ts";
import { createSource } from "../../../../../../src/work/pipeline/source/index.ts";
import { environment } from "../support.ts";
import { type Opened, openHttp, TestDirectory } from "./support.ts";

const TOKEN = "0123456789abcdef";

function posted(text: string | Uint8Array, over: Partial<Posted> = {}): Posted {
  const body = typeof text === "string" ? Buffer.from(text) : text;
  return { contentType: "application/x-ndjson", contentEncoding: undefined, key: undefined, body, ...over };
}

const post = ({ source }: Pick<Opened, "source">, each: Posted): Promise<PostAnswer> => source.post!(each);
const bodyOf = ({ text }: PostAnswer) => JSON.parse(text) as Record<string, unknown>;

describe("HttpSource.post()", () => {
  test("takes NDJSON, JSON and gzip, and gives each record to the reader once", async () => {
    using directory = new TestDirectory();
    await using opened = await openHttp(directory, {
      params: { token_env: "TOKEN" }, // for those who come to the port
      variables: { TOKEN },
    });
    const first = await post(opened, posted('{"id":1}\n{"id":2}'));
    expect([first.status, bodyOf(first)]).toEqual([202, { accepted: true, records: 2, position: expect.any(Number) }]);
    await post(opened, posted('[{"id":3}]', { contentType: "application/json" }));
    await post(opened, posted(Bun.gzipSync('{"id":4}\n'), { contentEncoding: "gzip" }));
    const [cut] = await opened.read(1);
    expect(cut!.content.toString()).toBe('{"id":1}\n{"id":2}\n{"id":3}\n{"id":4}\n');
  });

  test("tells with a batch the first trace of its records, also of one that is in two batches", async () => {
    using directory = new TestDirectory();
    await using opened = await openHttp(directory);
    await post(opened, posted('{"id":1}\n'));
    await post(opened, posted('{"id":2}\n{"id":3}\n{"id":4}\n', { traceparent: "first" }));
    await post(opened, posted('{"id":5}\n', { traceparent: "second" }));
    await post(opened, posted('{"id":6}\n{"id":7}\n'));
    const cuts = await opened.read(4, 2);
    expect(cuts.map(({ content, traceparent }) => [content.toString().replace(/\D/g, ""), traceparent])).toEqual([
      ["12", "first"],
      ["34", "first"],
      ["56", "second"],
      ["7", undefined],
    ]);
  });

  test("gives the same answer for a key that came before, also to the port, and refuses it with another body", async () => {
    using directory = new TestDirectory();
    await using opened = await openHttp(directory);
    const first = await post(opened, posted('{"id":1}\n', { key: "k" }));
    const [again, others] = await Promise.all([
      post(opened, posted('{"id":1}\n', { key: "k" })),
      opened.post('{"id":1}\n', { "idempotency-key": "k" }),
    ]);
    expect([bodyOf(again), others.body]).toEqual([bodyOf(first), bodyOf(first)]);
    expect(again.headers["idempotent-replayed"]).toBe("true");
    expect((await post(opened, posted('{"id":2}\n', { key: "k" }))).status).toBe(422);
  });

  test("refuses what the port refuses, and what is too large as sent or as inflated", async () => {
    using directory = new TestDirectory();
    await using opened = await openHttp(directory, { params: { max_body: 1024 } });
    const statuses = await Promise.all(
      [
        posted("none\n"),
        posted("{}", { contentType: undefined }),
        posted("{}", { contentEncoding: "br" }),
        posted("{}", { key: "k".repeat(256) }),
        posted("no gzip", { contentEncoding: "gzip" }),
        posted(Buffer.alloc(1025, 32)),
        posted(Bun.gzipSync(Buffer.alloc(4096, 32)), { contentEncoding: "gzip" }),
      ].map(async (each) => (await post(opened, each)).status),
    );
    expect(statuses).toEqual([400, 415, 415, 400, 400, 413, 413]);
  });

  test("says 429 with Retry-After when its spool is full, but still knows a key that came before", async () => {
    using directory = new TestDirectory();
    await using opened = await openHttp(directory, { params: { spool_bytes: 1024 * 1024, max_body: 1024 * 1024 } });
    const large = `{"id":"${"x".repeat(1024 * 1024 - 20)}"}\n`;
    expect((await post(opened, posted(large, { key: "k" }))).status).toBe(202);
    const full = await post(opened, posted('{"id":"one more than there is room for"}\n'));
    expect([full.status, full.headers["retry-after"], bodyOf(full).code]).toEqual([429, "1", "source.http.full"]);
    expect((await post(opened, posted(large, { key: "k" }))).status).toBe(202);
  });

  test("says 503 before it is open and when it is closed", async () => {
    using directory = new TestDirectory();
    const shut = createSource(
      "http",
      { listen: "127.0.0.1:0" },
      environment({ clock: systemClock, stateDirectory: directory.path }),
    );
    expect((await post({ source: shut }, posted("{}"))).status).toBe(503);
    const opened = await openHttp(directory);
    await opened.source.close();
    const late = await post(opened, posted("{}"));
    expect([late.status, late.headers["retry-after"], bodyOf(late).code]).toEqual([503, "1", "source.http.closing"]);
  });
});

/** The HTTP source with a certificate and a token, fed by the HTTP sink; and requests that are no HTTP at all. */
import { expect, test } from "bun:test";
import fc from "fast-check";
import { systemClock } from "../../../../../../src/base/clock.ts";
import { Failure } from "../../../../../../src/base/errors.ts";
import { seededRandom } from "../../../../../../src/base/random.ts";
import { makeAuthority, makeCertificate } from "../../../../../../src/wire/auth/index.ts";
import { createSink } from "../../../../../../src/work/pipeline/sink/index.ts";
import { seededEntropy } from "../../../../../support/auth.ts";
import { textOf } from "../support.ts";
import { exchange, openHttp, statusOf, TestDirectory } from "./support.ts";

const TOKEN = "0123456789abcdef";

test("an HTTPS source takes what an HTTP sink sends that knows its authority and the token, and nothing else", async () => {
  using directory = new TestDirectory();
  const ports = { clock: systemClock, entropy: seededEntropy(1) };
  const [authority, other] = [await makeAuthority(ports), await makeAuthority(ports)];
  const { cert, key } = await makeCertificate(authority, { name: "node", hosts: [] }, ports);
  const params = {
    tls_cert: directory.file("cert.pem", cert),
    tls_key: directory.file("key.pem", key),
    token_env: "TOKEN",
  };
  await using http = await openHttp(directory, { params, variables: { TOKEN } });
  expect(http.url).toStartWith("https://");
  const send = async (ca: string, token: string): Promise<string> => {
    const more = { url: http.url, token_env: "TOKEN", tls_ca: directory.file("ca.pem", ca), retry_for: 0 };
    const environment = { run: "r", clock: systemClock, random: seededRandom(1), variables: { TOKEN: token } };
    const sink = createSink("http", more, environment);
    await sink.open(undefined);
    await sink.write(Buffer.from('{"id":1}\n'), "a@0");
    const failure = await sink.flush().catch((thrown: Failure) => thrown);
    await sink.abort();
    return failure instanceof Failure ? failure.code : "taken";
  };
  expect(await send(other.cert, TOKEN)).toBe("sink.http.unreachable");
  expect(await send(authority.cert, "another token 123")).toBe("sink.http.refused");
  expect(await send(authority.cert, TOKEN)).toBe("taken");
  expect(textOf(await http.read(1))).toBe('{"id":1}\n');
});

test("an HTTP source answers or ends whatever is sent to it, and goes on taking records", async () => {
  using directory = new TestDirectory();
  await using http = await openHttp(directory, { params: { request_timeout: 200, max_body: 1024 } });
  const line = fc.constantFrom(
    "POST /orders HTTP/1.1",
    "POST /orders HTTP/9.9",
    "host: a",
    "content-type: text/plain",
    "content-type: application/json",
    "content-encoding: gzip",
    "content-length: 9",
    "content-length: -1",
    "content-length: 99999999999999999999",
    "transfer-encoding: chunked",
    "expect: 100-continue",
    "idempotency-key: ",
    "upgrade: websocket",
    "connection: upgrade",
    "",
    '{"id":1}',
    "[{}]",
    "9",
    "0",
    "ffffffffffffffff",
    `x: ${"y".repeat(20_000)}`,
    "\u0000\u00ff",
  );
  const request = fc.array(line, { minLength: 1, maxLength: 12 }).map((lines) => `${lines.join("\r\n")}\r\n\r\n`);
  await fc.assert(
    fc.asyncProperty(fc.array(request, { minLength: 8, maxLength: 16 }), async (requests) => {
      const answers = await Promise.all(requests.map((text) => exchange(http.port, [text])));
      for (const answer of answers) expect(statusOf(answer)).toBeLessThan(500);
      expect((await http.post('{"id":7}\n')).status).toBe(202);
    }),
    { numRuns: 6 },
  );
});

/** The strict reader against a second, dumber parser: on good requests they agree, in any pieces. */
import { expect, test } from "bun:test";
import fc from "fast-check";
import type { RequestHead } from "../../../../src/wire/http/index.ts";
import { goodRequest } from "./messages.ts";
import { parsePlainly } from "./plain-parser.ts";
import { cut, LIMITS, readRequests } from "./recording.ts";

test("RequestReader reads what the plain parser reads when requests are good", () => {
  const limits = { ...LIMITS, headerBytesMax: 4_096 };
  fc.assert(
    fc.property(
      fc.array(goodRequest, { minLength: 1, maxLength: 4 }),
      fc.array(fc.nat(2_000), { maxLength: 10 }),
      (requests, cuts) => {
        const text = requests.join("");
        const { fault, messages, rest } = readRequests(cut(Buffer.from(text, "latin1"), cuts), limits);
        expect([fault, rest]).toEqual([undefined, ""]);
        const read = messages.map(({ body, head, trailers }) => {
          const { authority, headers, method, target } = head as RequestHead;
          return { method, target, host: authority, headers, body, trailers };
        });
        expect(read).toEqual(
          parsePlainly(text).map((each) => ({ ...each, headers: [...each.headers] })) as typeof read,
        );
      },
    ),
    { numRuns: 300 },
  );
});

test("the plain parser sees a difference when a request is changed", () => {
  const text = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nab";
  expect(parsePlainly(text)).not.toEqual(parsePlainly(text.replace("ab", "ac")));
});

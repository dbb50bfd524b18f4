/** Good requests as fast-check draws them. */
import fc from "fast-check";

const name = fc.stringMatching(/^[A-Za-z][A-Za-z0-9_-]{0,8}$/).map((text) => `X-${text}`);
const value = fc.stringMatching(/^[!-~\x80-\xff]([ -~\t\x80-\xff]{0,12}[!-~\x80-\xff])?$/);
const field = fc.tuple(name, value, fc.constantFrom("", " ", "\t ")).map(([n, v, gap]) => `${n}:${gap}${v}${gap}`);
const text = fc.string({ unit: "binary-ascii", maxLength: 40 });
const target = fc.stringMatching(/^\/[a-zA-Z0-9./%:@-]{0,20}(\?[a-z=&{}|^<>"]{0,20})?$/);

const chunk = fc
  .tuple(
    text.filter((each) => each !== ""),
    fc.constantFrom("", ";a", ';b="c"', " ".repeat(0)),
    fc.boolean(),
  )
  .map(([bytes, extension, isUpper]) => {
    const size = bytes.length.toString(16);
    return `${isUpper ? size.toUpperCase() : size}${extension}\r\n${bytes}\r\n`;
  });

const inChunks = fc
  .tuple(fc.array(chunk, { maxLength: 4 }), fc.array(field, { maxLength: 2 }))
  .map(([chunks, trailers]) => ({
    head: ["Transfer-Encoding: chunked"],
    bytes: `${chunks.join("")}0\r\n${trailers.map((each) => `${each}\r\n`).join("")}\r\n`,
  }));
const byLength = text.map((bytes) => ({ head: [`Content-Length: ${bytes.length}`], bytes }));
const none = fc.constant({ head: [] as string[], bytes: "" });

export const goodRequest: fc.Arbitrary<string> = fc
  .tuple(
    fc.constantFrom("GET", "POST", "PUT", "PATCH", "X-OWN"),
    target,
    fc.constantFrom("a", "b.example:81", "[::1]"),
    fc.array(field, { maxLength: 5 }),
    fc.oneof(inChunks, byLength, none),
  )
  .map(([method, path, host, fields, { bytes, head }]) =>
    [`${method} ${path} HTTP/1.1`, `hOsT: ${host}`, ...fields, ...head, "", bytes].join("\r\n"),
  );

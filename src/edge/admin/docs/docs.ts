/**
 * The page at `/docs`: Swagger UI out of the executable itself, so that it works without internet. It holds no data; what it
 * shows it fetches from `/openapi.json` with the token that the reader puts in. No script stands in the page, so that the
 * policy can refuse every inline one.
 */

import styleFile from "swagger-ui-dist/swagger-ui.css" with { type: "file" };
import bundleFile from "swagger-ui-dist/swagger-ui-bundle.js" with { type: "file" };
import { SAFE_HEADERS } from "../../../wire/rpc/index.ts";
import { DOCS_HTML, DOCS_SCRIPT, DOCS_STYLE } from "./page.ts";

/** Its own files, its own server, and the pictures that the style sheet holds as data. */
const POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' data:",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join("; ");

const [bundlePath, stylePath]: readonly string[] = [bundleFile, styleFile]; // as type "file" gives them

interface DocsFile {
  readonly type: string;
  readonly body: () => string | Blob;
}

const FILES: ReadonlyMap<string, DocsFile> = new Map([
  ["/docs", { type: "text/html; charset=utf-8", body: () => DOCS_HTML }],
  ["/docs/page.js", { type: "text/javascript; charset=utf-8", body: () => DOCS_SCRIPT }],
  ["/docs/page.css", { type: "text/css; charset=utf-8", body: () => DOCS_STYLE }],
  ["/docs/swagger-ui-bundle.js", { type: "text/javascript; charset=utf-8", body: () => Bun.file(bundlePath!) }],
  ["/docs/swagger-ui.css", { type: "text/css; charset=utf-8", body: () => Bun.file(stylePath!) }],
]);

/** `no-cache` lets a browser keep them and ask again: another version of the program has others. */
export function docsPage(path: string): Response | undefined {
  const file = FILES.get(path);
  if (!file) return undefined;
  const headers = {
    ...SAFE_HEADERS,
    "content-type": file.type,
    "content-security-policy": POLICY,
    "cache-control": "no-cache",
  };
  return new Response(file.body(), { headers });
}

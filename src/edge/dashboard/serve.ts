/**
 * Answers for the page and its files. They hold no data: whoever gets them has seen nothing of the cluster yet. Files are named by what
 * they hold and are kept by browsers for good; the page itself is asked for again each time, and not sent again when it is the same.
 */
import { createHash } from "node:crypto";

const FILES_PATH = "/dashboard/";
const PAGE = "index.html";
const PAGE_PATHS: ReadonlySet<string> = new Set(["/", "/dashboard", "/dashboard/"]);
/** What browsers ask for by themselves. */
const ICON_PATH = "/favicon.ico";

const TYPES: Readonly<Record<string, string>> = {
  css: "text/css; charset=utf-8",
  html: "text/html; charset=utf-8",
  js: "text/javascript; charset=utf-8",
  svg: "image/svg+xml",
};

/** Nothing from elsewhere, nothing inline, no frame around it. Plots and load arcs set styles by script, which this does not hinder. */
const POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self'",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join("; ");

const SAFE: Readonly<Record<string, string>> = {
  "content-security-policy": POLICY,
  "cross-origin-opener-policy": "same-origin",
  "referrer-policy": "no-referrer",
  "x-content-type-options": "nosniff",
  "x-frame-options": "DENY",
};

/** Undefined for paths that are not the dashboard's. `headers` are those of the request. */
export function dashboardPage(path: string, headers?: Headers): Promise<Response> | undefined {
  if (PAGE_PATHS.has(path)) return answer(PAGE, headers);
  if (path === ICON_PATH) return answer(undefined, headers);
  return path.startsWith(FILES_PATH) ? answer(path.slice(FILES_PATH.length), headers) : undefined;
}

/** Without a name: the icon, whatever it is called. */
async function answer(wanted: string | undefined, headers: Headers | undefined): Promise<Response> {
  const { FILES } = await import("./page-files.ts");
  const name = wanted ?? Object.keys(FILES).find((each) => each.endsWith(".svg")) ?? "";
  if (!Object.hasOwn(FILES, name)) return new Response("there is no such file\n", { status: 404, headers: SAFE });
  const text = FILES[name]!;
  const etag = `"${createHash("sha256").update(text).digest("base64url").slice(0, 22)}"`;
  const isNamedByContent = name !== PAGE && wanted !== undefined;
  const common = {
    ...SAFE,
    etag,
    "cache-control": isNamedByContent ? "public, max-age=31536000, immutable" : "no-cache",
  };
  if (headers?.get("if-none-match") === etag) return new Response(null, { status: 304, headers: common });
  const type = TYPES[name.slice(name.lastIndexOf(".") + 1)] ?? "application/octet-stream";
  return new Response(text, { headers: { ...common, "content-type": type } });
}

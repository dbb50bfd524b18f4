/** Replies that come before the end of an upload: the real curl gets their status over HTTP/2, however large the body is, each time. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import type { TCPSocketListener } from "bun";
import { curl, TestGateway } from "../support/gateway.ts";
import { Workspace } from "../support/workspace.ts";

const KIB = 1024;
const SIZES = [256 * KIB, 16 * KIB * KIB] as const;
const TIMES = 20;
/** At the same time: a curl each. */
const TOGETHER = 5;

let folder: Workspace;
let silent: TCPSocketListener;
let gateway: TestGateway;

beforeAll(async () => {
  folder = new Workspace();
  silent = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { open: (socket) => socket.pause(), data() {} } });
  gateway = await TestGateway.start(folder, [
    "route|refused|/refused|none|reply=403 no",
    "route|fine|/fine|none|reply=200 fine",
    `route|locked|/locked|http://127.0.0.1:${silent.port}|auth=token`,
    `route|late|/late|http://127.0.0.1:${silent.port}|timeout=100ms`,
  ]);
  for (const size of SIZES) folder.write(`${size}.bin`, Buffer.alloc(size));
});

afterAll(async () => {
  await gateway?.[Symbol.asyncDispose]();
  silent?.stop(true);
  folder?.[Symbol.dispose]();
});

async function upload(path: string, size: number): Promise<string> {
  const file = folder.at(`${size}.bin`);
  const words = ["--http2-prior-knowledge", "-o", folder.at("reply"), "-w", "%{http_version} %{http_code}", "-T", file];
  const { err, out } = await curl(...words, `${gateway.url}${path}`);
  return `${out}${err}`;
}

const PATHS = [
  ["/refused", "403"],
  ["/locked", "401"],
  ["/late", "504"],
  ["/fine", "200"],
] as const;

describe.skipIf(Bun.which("curl") === null && process.env.CI !== "true")("curl's uploads over HTTP/2", () => {
  test.each(PATHS.flatMap(([path, status]) => SIZES.map((size) => [path, size, status] as const)))(
    "%s with %i bytes is told %s each time",
    async (path, size, status) => {
      const told: string[] = [];
      while (told.length < TIMES) {
        told.push(...(await Promise.all(Array.from({ length: TOGETHER }, () => upload(path, size)))));
      }
      expect(told).toEqual(Array(TIMES).fill(`2 ${status}`));
    },
  );
});

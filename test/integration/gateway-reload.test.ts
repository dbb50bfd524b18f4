/** A gateway that reads its file again under load: nobody is cut off, faults change nothing, certificates rotate; in all its processes. */
import { describe, expect, test } from "bun:test";
import { readdirSync, readFileSync, readlinkSync, writeFileSync } from "node:fs";
import { type ClientHttp2Session, connect as connectHttp2 } from "node:http2";
import { connect as connectTls, type TLSSocket } from "node:tls";
import { RawSocket, TestGateway } from "../support/gateway.ts";
import { WebUpstream } from "../support/gateway-upstreams.ts";
import { until } from "../support/until.ts";
import { Workspace } from "../support/workspace.ts";

const PROCESSES = ["--processes", "2"];
const RELOADS = 8;

/** The gateway's file says another word each time. */
function write(gateway: TestGateway | undefined, folder: Workspace, lines: readonly string[]): void {
  writeFileSync(gateway?.file ?? folder.at("gateway.txt"), `${lines.join("\n")}\n`);
}

/** Asks over and over on one connection until it is told to end; keeps what was said. */
class KeepAlive implements Disposable {
  readonly #raw: RawSocket;
  readonly #over: Promise<void>;
  #asked = 0;
  #isOver = false;

  private constructor(raw: RawSocket) {
    this.#raw = raw;
    this.#over = this.#loop();
  }

  static async open(port: number): Promise<KeepAlive> {
    return new KeepAlive(await RawSocket.open(port));
  }

  async #loop(): Promise<void> {
    while (!this.#isOver) {
      this.#raw.write("GET /word HTTP/1.1\r\nhost: a\r\n\r\n");
      this.#asked++;
      await until("an answer on a kept connection", () => this.#raw.statuses.length >= this.#asked);
    }
  }

  /** After the one that is under way. */
  async says(word: string): Promise<void> {
    const before = this.#asked;
    await until(`a kept connection hears ${word}`, () => this.#raw.statuses.length > before + 1);
    expect(this.#raw.text.endsWith(word)).toBe(true);
  }

  async end(): Promise<readonly number[]> {
    this.#isOver = true;
    await this.#over;
    expect([this.#raw.isClosed, this.#raw.statuses.length]).toEqual([false, this.#asked]);
    return this.#raw.statuses;
  }

  [Symbol.dispose](): void {
    this.#isOver = true;
    this.#raw[Symbol.dispose]();
  }
}

function askHttp2(session: ClientHttp2Session): Promise<string> {
  return new Promise((resolve, reject) => {
    const stream = session.request({ ":path": "/word" });
    let text = "";
    stream.setEncoding("utf8");
    stream.on("data", (chunk: string) => {
      text += chunk;
    });
    stream.on("end", () => resolve(text));
    stream.on("error", reject);
    stream.end();
  });
}

/** Sends a word and waits for its echo. */
async function echo(socket: WebSocket, word: string): Promise<void> {
  const heard = new Promise<string>((resolve) => {
    socket.addEventListener("message", ({ data }) => resolve(String(data)), { once: true });
  });
  socket.send(word);
  expect(await heard).toBe(word);
}

describe("gateway reload", () => {
  test("nothing is dropped under load: kept connections, HTTP/2 streams, WebSockets and long requests stay", async () => {
    using folder = new Workspace();
    await using upstream = new WebUpstream();
    const lines = (word: string): readonly string[] => [
      `route|word|/word|none|reply=200 ${word}`,
      `route|ws|/ws|ws://${upstream.authority}|timeout=0,idle_timeout=0`,
      `route|rest|/*|${upstream.url}|timeout=0`,
    ];
    await using gateway = await TestGateway.start(folder, lines("word0"), { args: PROCESSES });
    const kept = await Promise.all(Array.from({ length: 6 }, () => KeepAlive.open(gateway.port)));
    const session = connectHttp2(gateway.url);
    const socket = new WebSocket(`ws://${gateway.address}/ws`);
    await new Promise((resolve) => socket.addEventListener("open", resolve, { once: true }));
    const held = Array.from({ length: 4 }, () => fetch(`${gateway.url}/hold`).then((response) => response.text()));
    await until("all are held", () => upstream.held === 4);
    for (let count = 1; count <= RELOADS; count++) {
      const word = `word${count}`;
      const told = gateway.node.told.length;
      write(gateway, folder, lines(word));
      if (count % 2 === 0) gateway.node.signal("SIGHUP");
      else
        await folder.exec(["gateway", "reload"], { env: { DISTRIBUTED_SYSTEM_DATA_DIR: folder.at("gateway-state") } });
      await gateway.node.hears("reloaded", undefined, told);
      await Promise.all(kept.map((each) => each.says(word)));
      expect(await askHttp2(session)).toBe(word);
      await echo(socket, word);
      const fresh = Array.from({ length: 8 }, () => fetch(`${gateway.url}/word`, { keepalive: false }));
      for (const each of fresh) expect(await (await each).text()).toBe(word);
    }
    upstream.release();
    expect(await Promise.all(held)).toEqual(held.map(() => "let go"));
    for (const each of kept) expect(new Set(await each.end())).toEqual(new Set([200]));
    expect([session.closed, session.destroyed, socket.readyState]).toEqual([false, false, WebSocket.OPEN]);
    session.destroy();
    socket.close();
    for (const each of kept) each[Symbol.dispose]();
  });

  test("a file with faults changes nothing, is told with its faults, and the next one is taken", async () => {
    using folder = new Workspace();
    await using gateway = await TestGateway.start(folder, ["route|word|/word|none|reply=200 before"], {
      args: PROCESSES,
    });
    using kept = await KeepAlive.open(gateway.port);
    const env = { DISTRIBUTED_SYSTEM_DATA_DIR: folder.at("gateway-state") };
    const faulty = [
      ["route|word|/word|none|reply=200 after", "route|worse|/x|http://127.0.0.1:1|retries=many"],
      ["route|word|/word|none|reply=200 after", "set|tls_certificate=gateway.txt,tls_key=gateway.txt"],
      ["route|word|/word|none|reply=200 after,lua=rule.lua"],
    ];
    folder.write("rule.lua", "function route(");
    for (const lines of faulty) {
      write(gateway, folder, lines);
      const told = gateway.node.told.length;
      gateway.node.signal("SIGHUP");
      await gateway.node.hears("not reloaded", undefined, told);
      const asked = await folder.exec(["gateway", "reload"], { env });
      expect([asked.code === 0, asked.stdout]).toEqual([false, ""]);
      await kept.says("before");
    }
    write(gateway, folder, ["route|word|/word|none|reply=200 after"]);
    expect((await folder.exec(["gateway", "reload"], { env })).code).toBe(0);
    await kept.says("after");
    expect(new Set(await kept.end())).toEqual(new Set([200]));
    const { stdout } = await folder.exec(["gateway", "status", "--json"], { env });
    expect(JSON.parse(stdout)).toMatchObject({ reloads: 1, serving: 2, malformed: {} });
  });

  test("a log that cannot be opened changes nothing: limits go on counting", async () => {
    using folder = new Workspace();
    const lines = ["route|word|/word|none|reply=200 word", "limit|client_ip|2|1h|REJECT"];
    await using gateway = await TestGateway.start(folder, lines);
    const statuses = (count: number) => Promise.all(Array.from({ length: count }, () => fetch(`${gateway.url}/word`)));
    await statuses(2);
    for (const place of ["set|access_log=/proc/none/access.log", `set|access_log=${folder.at(".")}`]) {
      write(gateway, folder, [place, ...lines]);
      const told = gateway.node.told.length;
      gateway.node.signal("SIGHUP");
      await gateway.node.hears("not reloaded", undefined, told);
      expect((await statuses(2)).map(({ status }) => status)).toEqual([429, 429]);
    }
  });

  test("an access log that a reload has moved is closed where it was", async () => {
    using folder = new Workspace();
    const lines = (name: string) => [`set|access_log=${folder.at(name)}`, "route|word|/word|none|reply=200 word"];
    await using gateway = await TestGateway.start(folder, lines("a.log"));
    const logs = () =>
      readdirSync(`/proc/${gateway.pid}/fd`).flatMap((fd) => {
        const link = readlinkSync(`/proc/${gateway.pid}/fd/${fd}`);
        return link.endsWith(".log") ? [link] : [];
      });
    for (const name of ["b.log", "c.log"]) {
      write(gateway, folder, lines(name));
      const told = gateway.node.told.length;
      gateway.node.signal("SIGHUP");
      await gateway.node.hears("reloaded", undefined, told);
    }
    await until("the last one alone is open", () => logs().join() === folder.at("c.log"));
  });

  test("the log says why a rule does not decide, and nothing of hosts that a reload has made needless", async () => {
    using folder = new Workspace();
    folder.write("rule.lua", 'function route(r) error("no way for " .. r.path) end');
    const lines = (word: string): readonly string[] => [`route|web|/*|http://127.0.0.1:1|lua=rule.lua,retries=${word}`];
    await using gateway = await TestGateway.start(folder, lines("1"), { args: ["--log-level", "info"] });
    for (let times = 0; times < 3; times++) expect((await fetch(`${gateway.url}/x`)).status).toBe(500);
    await until("it is told", () => gateway.node.stderr.includes("the rule of route web did not decide"));
    expect(gateway.node.stderr).toMatch(/did not decide: gateway\.rule_failed.*no way for \/x/);
    expect(gateway.node.stderr.split("did not decide").length).toBe(2); // once a while
    write(gateway, folder, lines("2"));
    gateway.node.signal("SIGHUP");
    await gateway.node.hears("reloaded");
    await fetch(`${gateway.url}/x`);
    expect(gateway.node.stderr).not.toContain("a host of rules has ended");
  });

  test("new handshakes get the new certificate in every process, and connections that are there stay", async () => {
    using folder = new Workspace();
    certify(folder, "first");
    const lines = ["set|tls_certificate=gateway.crt,tls_key=gateway.key", "route|word|/word|none|reply=200 word"];
    await using gateway = await TestGateway.start(folder, lines, { args: PROCESSES });
    const before = await handshakes(gateway.port, 12);
    expect(new Set(before.map(subjectOf))).toEqual(new Set(["first"]));
    certify(folder, "second");
    const told = gateway.node.told.length;
    gateway.node.signal("SIGHUP");
    await gateway.node.hears("reloaded", undefined, told);
    const after = await handshakes(gateway.port, 24);
    expect(new Set(after.map(subjectOf))).toEqual(new Set(["second"]));
    for (const socket of [...before, ...after]) expect(await askTls(socket)).toContain("200 OK");
    for (const socket of [...before, ...after]) socket.destroy();
  });

  test("a certificate that does not do is refused, and handshakes go on with the one before", async () => {
    using folder = new Workspace();
    certify(folder, "first");
    const lines = [
      "set|tls_certificate=gateway.crt,tls_key=gateway.key,max_connections_per_address=40",
      "route|word|/word|none|reply=200 word",
    ];
    await using gateway = await TestGateway.start(folder, lines, { args: PROCESSES });
    const good = readFileSync(folder.at("gateway.key"), "utf8");
    certify(folder, "second");
    for (const key of [good, "junk"]) {
      writeFileSync(folder.at("gateway.key"), key);
      const told = gateway.node.told.length;
      gateway.node.signal("SIGHUP");
      const { reason } = await gateway.node.hears("not reloaded", undefined, told);
      expect(reason).toContain("tls_key=");
      const checked = await folder.exec(["gateway", "check", gateway.file]);
      expect([checked.code, checked.stdout + checked.stderr]).toEqual([78, expect.stringContaining("tls_key=")]);
      const shown = await handshakes(gateway.port, 24);
      expect(new Set(shown.map(subjectOf))).toEqual(new Set(["first"]));
      for (const socket of shown) socket.destroy();
    }
  });
});

function certify(folder: Workspace, name: string): void {
  const key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", "gateway.key"];
  const words = ["req", "-x509", ...key, "-subj", `/CN=${name}`, "-out", "gateway.crt", "-days", "2"];
  const { exitCode, stderr } = Bun.spawnSync(["openssl", ...words], { cwd: folder.path });
  if (exitCode !== 0) throw new Error(stderr.toString());
}

function handshakes(port: number, count: number): Promise<readonly TLSSocket[]> {
  return Promise.all(
    Array.from(
      { length: count },
      () =>
        new Promise<TLSSocket>((resolve, reject) => {
          // Nobody has signed these: whose they are is what is looked at.
          const socket = connectTls({ host: "127.0.0.1", port, rejectUnauthorized: false }, () => resolve(socket));
          socket.on("error", reject);
        }),
    ),
  );
}

function subjectOf(socket: TLSSocket): string {
  return String(socket.getPeerCertificate().subject.CN);
}

function askTls(socket: TLSSocket): Promise<string> {
  return new Promise((resolve, reject) => {
    socket.once("data", (chunk) => resolve(chunk.toString("latin1")));
    socket.once("error", reject);
    socket.write("GET /word HTTP/1.1\r\nhost: a\r\n\r\n");
  });
}

/** Our gateway, started by a file of some lines, with a token of its own. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { Server } from "./server.ts";
import { newName, type Place, type Site } from "./site.ts";

export interface GatewayOptions {
  /** Beyond `--config`. */
  readonly args?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly place?: Place;
  /** Any that is free without it. */
  readonly port?: number;
}

export class BenchGateway implements AsyncDisposable {
  readonly server: Server;
  readonly url: string;
  readonly port: number;
  readonly #site: Site;
  readonly #dataDir: string;

  private constructor(site: Site, server: Server, dataDir: string, address: string) {
    this.#site = site;
    this.#dataDir = dataDir;
    this.server = server;
    this.url = `http://${address}`;
    this.port = Number(address.split(":").at(-1));
  }

  static async start(
    site: Site,
    lines: readonly string[],
    { args = [], env, place = "measured", port = 0 }: GatewayOptions = {},
  ): Promise<BenchGateway> {
    const name = newName("gateway");
    const file = join(site.directory, `${name}.txt`);
    const dataDir = join(site.directory, `${name}-state`);
    writeFileSync(file, `${lines.join("\n")}\n`);
    const words = ["gateway", "127.0.0.1", String(port), "--config", file, "--json", "--data-dir", dataDir, ...args];
    const server = new Server(site, { name, place, argv: [site.executable, ...words], ...(env && { env }) });
    try {
      const { address } = await server.tells<{ readonly address: string }>("gateway");
      return new BenchGateway(site, server, dataDir, address);
    } catch (thrown) {
      await server[Symbol.asyncDispose]();
      throw thrown;
    }
  }

  /** Of an operator, as people make them. */
  async token(): Promise<string> {
    const { address } = await this.server.tells<{ readonly address: string }>("started");
    const words = ["token", "create", "--role", "operator", "--node", address, "--data-dir", this.#dataDir];
    const child = Bun.spawn([this.#site.executable, ...words], { stdio: ["ignore", "pipe", "pipe"] });
    const [token, errors] = await Promise.all([new Response(child.stdout).text(), new Response(child.stderr).text()]);
    if ((await child.exited) !== 0) throw new Error(`token create: ${errors}`);
    return token.trim();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.server[Symbol.asyncDispose]();
  }
}

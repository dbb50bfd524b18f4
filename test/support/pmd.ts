/** Port mappers for tests: keys that are words, peers out of nothing, and a server and clients in this process. */
import { systemClock } from "../../src/base/clock.ts";
import { Failure } from "../../src/base/errors.ts";
import { seededRandom } from "../../src/base/random.ts";
import {
  type Peer,
  type PmdAuth,
  PmdClient,
  type PmdClientOptions,
  type PmdServer,
  type PmdServerOptions,
  startPmdServer,
} from "../../src/cluster/pmd/index.ts";

/** Tokens that anybody could make, with the properties of real ones: for one key and audience, and used once. */
export class WordAuth implements PmdAuth {
  readonly #key: string;
  readonly #used = new Set<string>();
  static #issued = 0;

  constructor(key = "key") {
    this.#key = key;
  }

  async token(audience: string): Promise<string> {
    const text = JSON.stringify({ key: this.#key, audience, number: ++WordAuth.#issued });
    return Buffer.from(text).toString("base64url");
  }

  async verify(token: string, audience: string) {
    const { key, audience: told } = readToken(token);
    if (key !== this.#key || told !== audience) throw new Failure("auth.token_forged", "not for us");
    if (this.#used.has(token)) throw new Failure("auth.token_replayed", "used before");
    this.#used.add(token);
    return { name: "tester", access: "operate" as const };
  }
}

function readToken(token: string): { readonly key?: unknown; readonly audience?: unknown } {
  try {
    return JSON.parse(Buffer.from(token, "base64url").toString()) as { key?: unknown };
  } catch {
    return {}; // no token at all
  }
}

export function peer(alias: string, more: Partial<Peer> = {}): Peer {
  return { alias, nodeId: `id-${alias}`, host: "127.0.0.1", port: 7000, pid: 42, meta: {}, ttlMs: 10_000, ...more };
}

let lives = 0;

export function startServer(more: Partial<PmdServerOptions> = {}): PmdServer & AsyncDisposable {
  const server = startPmdServer({
    port: 0,
    pid: 4711,
    version: "1.2.3",
    life: `life-${++lives}`,
    auth: new WordAuth(),
    clock: systemClock,
    sees: () => false,
    ...more,
  });
  return { ...server, [Symbol.asyncDispose]: () => server.close("stopping") };
}

let nonces = 0;

export function openClient(port: number, more: Partial<PmdClientOptions> = {}): PmdClient & AsyncDisposable {
  const client = new PmdClient({
    port,
    auth: new WordAuth(),
    clock: systemClock,
    random: seededRandom(1),
    nonce: () => `nonce-of-this-test-${++nonces}`,
    ...more,
  });
  return Object.assign(client, { [Symbol.asyncDispose]: () => client.close() });
}

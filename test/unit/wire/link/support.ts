/** Nodes with links over real sockets on ports of their own, and an authentication whose tokens a test can read and forge. */
import { systemClock } from "../../../../src/base/clock.ts";
import { Failure } from "../../../../src/base/errors.ts";
import { type Random, seededRandom } from "../../../../src/base/random.ts";
import {
  type ConnectOptions,
  connectLink,
  type Link,
  type LinkAddress,
  type LinkAuth,
  LinkPool,
  type LinkPoolOptions,
  type LinkServer,
  type LinkSocketData,
  type ServeOptions,
  serveLinks,
} from "../../../../src/wire/link/index.ts";

/** Tokens tell key, id, audience, serial number and role under a checksum, each good once. Nothing is secret: tests forge them. */
let serials = 0;

export class FakeAuth implements LinkAuth {
  readonly #id: string;
  readonly #key: string;
  readonly #role: string;
  readonly #used = new Set<string>();
  readonly given: string[] = [];

  constructor(id: string, key = "key", role = "node") {
    this.#id = id;
    this.#key = key;
    this.#role = role;
  }

  async token(audience: string): Promise<string> {
    const text = JSON.stringify([this.#key, this.#id, audience, `${this.#id}${++serials}`, this.#role]);
    const token = Buffer.from(`${Bun.hash(text)} ${text}`).toString("hex");
    this.given.push(token);
    return token;
  }

  async verify(token: string, audience: string | readonly string[]): Promise<{ id: string; role: string }> {
    const [, sum, text = ""] = /^(\d+) (.*)$/.exec(Buffer.from(token, "hex").toString()) ?? [];
    const [key, id, aud, serial, role] = JSON.parse(text) as string[];
    const isKnown = sum === String(Bun.hash(text)) && key === this.#key && [audience].flat().includes(aud!);
    if (!isKnown || this.#used.has(serial!)) throw new Failure("auth.refused", "refused");
    this.#used.add(serial!);
    return { id: id!, role: role! };
  }
}

export interface TestNode extends AsyncDisposable {
  readonly id: string;
  readonly auth: FakeAuth;
  readonly address: LinkAddress;
  readonly served: LinkServer;
  /** Links that this node has accepted, in order. */
  readonly accepted: Link[];
  readonly reports: string[];
  dial(to: TestNode | LinkAddress, options?: Partial<ConnectOptions>): Promise<Link>;
  pool(options?: Partial<LinkPoolOptions>): LinkPool;
}

export type NodeOptions = Partial<ServeOptions> & { readonly key?: string; readonly tls?: Bun.TLSOptions };

let lives = 0;

export function openNode(id: string, options: NodeOptions = {}): TestNode {
  const auth = new FakeAuth(id, options.key);
  const accepted: Link[] = [];
  const reports: string[] = [];
  const runtime = { clock: systemClock, handlers: {}, report: (what: string) => void reports.push(what), ...options };
  let address: LinkAddress = { host: "127.0.0.1", port: 0 };
  const self = () => ({ id, instance, address });
  const instance = `life-${++lives}`;
  const served = serveLinks({
    ...runtime,
    auth,
    self,
    audiences: options.audiences ?? (() => [id, `127.0.0.1:${address.port}`]),
    onLink: (link) => {
      accepted.push(link);
      options.onLink?.(link);
    },
  });
  const server = Bun.serve<LinkSocketData>({
    hostname: "127.0.0.1",
    port: 0,
    development: false,
    ...(options.tls && { tls: options.tls }),
    fetch: (request, its) => served.fetch(request, its),
    websocket: served.websocket,
  });
  address = { host: "127.0.0.1", port: server.port! };
  const links: Link[] = [];
  const pools: LinkPool[] = [];
  const random: Random = seededRandom(lives);
  const entropy = (sizeBytes: number) => Uint8Array.from({ length: sizeBytes }, () => random.below(256));
  const dial = async (to: TestNode | LinkAddress, more: Partial<ConnectOptions> = {}): Promise<Link> => {
    const target = "address" in to ? to.address : to;
    const link = await connectLink(target, { ...runtime, auth, self: self(), entropy, ...more });
    links.push(link);
    return link;
  };
  return {
    id,
    auth,
    address,
    served,
    accepted,
    reports,
    dial,
    pool(more = {}) {
      const options = { selfId: id, clock: systemClock, random, dial: (to: LinkAddress) => dial(to), ...more };
      const pool = new LinkPool(options);
      pools.push(pool);
      return pool;
    },
    async [Symbol.asyncDispose]() {
      await Promise.all(pools.map((pool) => pool.close({ graceMs: 0 })));
      for (const link of [...links, ...accepted]) link.destroy(new Failure("link.closed", "the test is over"));
      await server.stop(true);
    },
  };
}

/** The failure that the promise rejects with; a test fails when it does not. */
export async function failureOf(promise: Promise<unknown>): Promise<Failure> {
  const result = await promise.then(
    (value) => ({ value }),
    (thrown: unknown) => ({ thrown }),
  );
  if ("thrown" in result && result.thrown instanceof Failure) return result.thrown;
  throw new Error(`a Failure is required, not ${Bun.inspect(result)}`);
}

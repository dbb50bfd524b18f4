/**
 * Asks over HTTP from an address of its own, as many of 127.0.0.0/8 as are wanted: a node locks out addresses that send wrong tokens,
 * and a test that sends hundreds of them is not about that.
 */
import { Agent, request } from "node:http";

export interface FarAnswer {
  readonly status: number;
  readonly text: string;
  /** Of a problem. */
  readonly code: string | undefined;
}

export interface FarRequest {
  readonly address: string;
  readonly verb: string;
  readonly path: string;
  readonly token?: string | undefined;
  readonly body?: string | undefined;
}

/** Whoever is silent for so long will not answer. */
const SILENT_MS = 20_000;
/** Wrong tokens of one address within a minute that do not lock it out yet. */
const ASKED_PER_ADDRESS = 15;

export class FarClient implements Disposable {
  #agent: Agent;
  #asked = 0;
  #host = 1;

  constructor() {
    this.#agent = new Agent({ keepAlive: true });
  }

  async ask(asked: FarRequest): Promise<FarAnswer> {
    if (++this.#asked % ASKED_PER_ADDRESS === 0) this.#move();
    const { status, text } = await this.#send(asked);
    return { status, text, code: codeOf(text) };
  }

  [Symbol.dispose](): void {
    this.#agent.destroy();
  }

  #move(): void {
    this.#agent.destroy();
    this.#agent = new Agent({ keepAlive: true });
    this.#host++;
  }

  #send({ address, body, path, token, verb }: FarRequest): Promise<{ readonly status: number; readonly text: string }> {
    const [host, port] = address.split(":") as [string, string];
    const headers = {
      ...(token !== undefined && { authorization: `Bearer ${token}` }),
      ...(body !== undefined && { "content-type": "application/json", "content-length": Buffer.byteLength(body) }),
    };
    const localAddress = `127.0.${1 + Math.floor(this.#host / 250)}.${1 + (this.#host % 250)}`;
    const options = { host, port: Number(port), localAddress, agent: this.#agent, method: verb, path, headers };
    return new Promise((resolve, reject) => {
      const sent = request(options, async (response) => {
        const chunks: Buffer[] = [];
        for await (const chunk of response) chunks.push(chunk as Buffer);
        resolve({ status: response.statusCode ?? 0, text: Buffer.concat(chunks).toString() });
      });
      sent.setTimeout(SILENT_MS, () => sent.destroy(new Error(`${verb} ${path}: not answered within ${SILENT_MS} ms`)));
      sent.on("error", reject);
      sent.end(body);
    });
  }
}

function codeOf(text: string): string | undefined {
  try {
    return (JSON.parse(text) as { readonly code?: string }).code;
  } catch {
    return undefined; // no JSON, so no problem
  }
}

/**
 * The shared cache in a Redis server (2.6 or later, or what speaks like one), over Bun's client. The client's own reconnecting and
 * queueing are off: a connection that failed may have lost what was sent on it, so it is over, and the layer above opens another one.
 */
import { RedisClient } from "bun";
import { Failure, messageOf } from "../../../base/errors.ts";
import { APPLIED_TTL_MS, CONNECT_MS, VERSION_TTL_MS } from "../limits.ts";
import type { RedisPlace } from "./redis-url.ts";
import { ADOPT, APPLY, LOOK, PROLONG } from "./scripts.ts";
import type { Looked, SharedSession, SharedStore } from "./types.ts";

export function openRedis(place: RedisPlace): SharedStore {
  return {
    name: place.name,
    async open(lost) {
      const client = new RedisClient(place.url, {
        autoReconnect: false,
        connectionTimeout: CONNECT_MS,
        enableOfflineQueue: false,
        maxRetries: 0,
      });
      client.onclose = (error) => lost(shown(place, error));
      try {
        await client.connect();
        return new RedisSession(client, place, await runIdOf(client));
      } catch (thrown) {
        client.close();
        throw failed(place, thrown);
      }
    },
  };
}

class RedisSession implements SharedSession {
  readonly #client: RedisClient;
  readonly #place: RedisPlace;
  /** Of the server; one that does not tell is taken for another one with each connection. */
  #runId: string | undefined;

  constructor(client: RedisClient, place: RedisPlace, runId: string | undefined) {
    this.#client = client;
    this.#place = place;
    this.#runId = runId;
  }

  adopt(fresh: string): Promise<string> {
    this.#runId ??= fresh;
    return this.#text(this.#run(ADOPT, [this.#generationKey()], [this.#runId, fresh]));
  }

  async renew(fresh: string): Promise<string> {
    this.#runId ??= fresh;
    const generation = `${this.#runId}:${fresh}`;
    await this.#asked(this.#client.set(this.#generationKey(), generation));
    return generation;
  }

  /** Both are on their way before either is answered: the value is the one of the versions, or a later one. */
  async look(generation: string, key: string, names: readonly string[], fresh: string): Promise<Looked> {
    const at = this.#within(generation);
    const keys = [this.#generationKey(), at("v", key), ...names.map((name) => at("n", name))];
    const [told, bytes] = await Promise.all([
      this.#run(LOOK, keys, [generation, fresh, String(VERSION_TTL_MS)]),
      this.#asked(this.#client.getBuffer(at("v", key))),
    ]);
    const [now, ttl = "0", ...versions] = this.#texts(told);
    return { generation: now ?? "", versions, ttlMs: Number(ttl), bytes: bytes ?? undefined };
  }

  async store(
    generation: string,
    key: string,
    bytes: Uint8Array,
    ttlMs: number,
    names: readonly string[],
  ): Promise<void> {
    const at = this.#within(generation);
    const versions = names.map((name) => at("n", name));
    await Promise.all([
      this.#asked(this.#client.set(at("v", key), bytes, "PX", ttlMs)),
      this.#run(PROLONG, versions, [String(VERSION_TTL_MS)]),
    ]);
  }

  apply(generation: string, id: string, names: readonly string[], fresh: string): Promise<string> {
    const at = this.#within(generation);
    const keys = [this.#generationKey(), at("a", id), ...names.map((name) => at("n", name))];
    return this.#text(this.#run(APPLY, keys, [generation, fresh, String(VERSION_TTL_MS), String(APPLIED_TTL_MS)]));
  }

  close(): void {
    this.#client.onclose = null;
    this.#client.close();
  }

  #generationKey(): string {
    return `${this.#place.prefix}:generation`;
  }

  /** Only the part that is random: the run of the server is known by the generation's key. */
  #within(generation: string): (kind: "v" | "n" | "a", name: string) => string {
    const start = `${this.#place.prefix}:${generation.slice(generation.indexOf(":") + 1)}`;
    return (kind, name) => `${start}:${kind}:${name}`;
  }

  #run(script: string, keys: readonly string[], args: readonly string[]): Promise<unknown> {
    return this.#asked(this.#client.send("EVAL", [script, String(keys.length), ...keys, ...args]));
  }

  async #asked<T>(answer: Promise<T>): Promise<T> {
    try {
      return await answer;
    } catch (thrown) {
      throw failed(this.#place, thrown);
    }
  }

  async #text(answer: Promise<unknown>): Promise<string> {
    const text = await answer;
    if (typeof text === "string") return text;
    throw failed(this.#place, `it answered with ${typeof text}, a text is required`);
  }

  #texts(answer: unknown): readonly string[] {
    if (Array.isArray(answer) && answer.every((each) => typeof each === "string")) return answer;
    throw failed(this.#place, "it answered with no list of texts");
  }
}

/** Another one in each life of the server. */
async function runIdOf(client: RedisClient): Promise<string | undefined> {
  const info: unknown = await client.send("INFO", ["server"]);
  return /^run_id:(\w+)/m.exec(String(info))?.[1];
}

function failed(place: RedisPlace, thrown: unknown): Failure {
  return new Failure("cache.redis", shown(place, thrown), { retryable: true });
}

function shown({ secrets }: RedisPlace, thrown: unknown): string {
  let text = messageOf(thrown);
  for (const secret of secrets) text = text.replaceAll(secret, "***");
  return text;
}

/** Where Redis is: `redis://[user[:password]@]host[:port][/database][?prefix=NAME]`, `rediss://` for TLS. Nothing secret is ever told. */
import { Failure } from "../../../base/errors.ts";

export interface RedisPlace {
  /** For the client, credentials included. */
  readonly url: string;
  /** For people: host, port and database. */
  readonly name: string;
  /** Before the names of everything that is kept there. */
  readonly prefix: string;
  /** Texts that must not be shown. */
  readonly secrets: readonly string[];
}

const PORT_DEFAULT = "6379";
const PREFIX_DEFAULT = "distributed_system";
const PREFIX = /^[A-Za-z0-9_.:-]{1,64}$/;
const FORM = "redis://[user[:password]@]host[:port][/database][?prefix=NAME], or rediss:// for TLS, is required";

/** Fails with `cache.redis.url`, and never shows the text itself: it may hold a password. */
export function parseRedisUrl(text: string): RedisPlace {
  const url = URL.parse(text.trim());
  if (!url) throw wrong("is no URL");
  const { hash, hostname, password, pathname, port, protocol, searchParams } = url;
  if (protocol !== "redis:" && protocol !== "rediss:") throw wrong(`begins with ${JSON.stringify(protocol)}`);
  if (hostname === "") throw wrong("has no host");
  if (hash !== "") throw wrong("has a part behind #");
  if (!/^\/?\d{0,5}$/.test(pathname)) throw wrong(`has ${JSON.stringify(pathname)} where a database's number belongs`);
  const { prefix = PREFIX_DEFAULT, ...others } = Object.fromEntries(searchParams);
  if (Object.keys(others).length > 0)
    throw wrong(`has parameters ${Object.keys(others).join(", ")}; only prefix is known`);
  if (!PREFIX.test(prefix)) throw wrong("has a prefix that is not 1 to 64 letters, digits and _ . : -");
  const database = pathname.replace("/", "");
  url.search = "";
  return {
    url: url.href,
    name: `redis at ${hostname}:${port || PORT_DEFAULT}${database === "" ? "" : `/${database}`}`,
    prefix,
    secrets: [password, safeDecode(password)].filter((each) => each.length > 0),
  };
}

function safeDecode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text; // then it is as it stands there
  }
}

function wrong(what: string): Failure {
  return new Failure("cache.redis.url", `the URL of Redis ${what}; ${FORM}`);
}

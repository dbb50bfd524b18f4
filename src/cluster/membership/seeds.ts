/** Seeds as people write them: `host:port`, an IPv6 address in brackets. Names are looked up; the node's own address is left out. */
import { isIP } from "node:net";
import { parseAddress } from "../../base/address.ts";
import { Failure, messageOf } from "../../base/errors.ts";
import { type Address, addressText, isSameAddress } from "../../protocol/swim/index.ts";
import { HOST_CHARS_MAX, SEEDS_MAX } from "./limits.ts";
import type { Resolve } from "./ports.ts";

export function parseSeed(text: string): Address {
  const address = parseAddress(text.trim());
  if (address && address.port > 0) return address;
  const shown = JSON.stringify(text.length > HOST_CHARS_MAX ? `${text.slice(0, HOST_CHARS_MAX)}…` : text);
  throw new Failure("cluster.invalid_seed", `cannot join by ${shown}: host:port is required, as in 10.0.0.1:8080`);
}

export interface Resolved {
  readonly addresses: readonly Address[];
  /** Those that could not be looked up, with the reason. */
  readonly failed: readonly { readonly seed: Address; readonly why: string }[];
}

/** Each address once, in the order of the seeds. */
export async function resolveSeeds(seeds: readonly Address[], own: Address, resolve: Resolve): Promise<Resolved> {
  const failed: { seed: Address; why: string }[] = [];
  const found = await Promise.all(
    seeds.map(async ({ host, port }): Promise<readonly Address[]> => {
      if (isIP(host) !== 0) return [{ host, port }];
      try {
        return (await resolve(host)).map((each) => ({ host: each, port }));
      } catch (thrown) {
        failed.push({ seed: { host, port }, why: messageOf(thrown) });
        return [];
      }
    }),
  );
  const ownHosts = isIP(own.host) !== 0 ? [own.host] : await resolve(own.host).catch(() => [own.host]);
  const isOwn = (address: Address) => ownHosts.some((host) => isSameAddress(address, { host, port: own.port }));
  const others = new Map(found.flat().flatMap((each) => (isOwn(each) ? [] : [[addressText(each), each] as const])));
  return { addresses: [...others.values()].slice(0, SEEDS_MAX), failed };
}

/** By which addresses a node that listens somewhere can be reached: what tokens for it may be addressed to. */
import { networkInterfaces } from "node:os";
import { isEveryInterface } from "./loopback.ts";

/** The address itself; for every interface, each address that this machine has now. */
export function ownHosts(listening: string): readonly string[] {
  if (!isEveryInterface(listening)) return [listening];
  const found = Object.values(networkInterfaces()).flatMap((each) => each ?? []);
  return [...new Set(found.map(({ address }) => address.replace(/%.*$/, "")))]; // fe80::1%eth0: the zone is no part of it
}

/** Which addresses can be reached from this machine only, and which stand for all that it has. */
import { isIPv4 } from "node:net";

const EVERY_INTERFACE = new Set(["", "*", "0.0.0.0", "::"]);

/** 127.0.0.0/8, ::1 and localhost. Every interface (0.0.0.0, ::) is not loopback, nor is what cannot be told. */
export function isLoopback(host: string): boolean {
  const bare = bareHost(host).toLowerCase();
  return bare === "localhost" || bare === "::1" || (isIPv4(bare) && bare.startsWith("127."));
}

/** Listening there is listening on each address; nobody can be asked there. */
export function isEveryInterface(host: string): boolean {
  return EVERY_INTERFACE.has(bareHost(host));
}

/** An IPv6 address without its brackets. */
export function bareHost(host: string): string {
  return host.replace(/^\[(.*)\]$/, "$1");
}

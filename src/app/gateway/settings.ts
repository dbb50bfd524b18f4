/** What a gateway is started with, from words as they are typed to checked values. */
import { PORT_FORM, parseAddress, parseHost, parsePort } from "../../base/address.ts";
import { Failure } from "../../base/errors.ts";
import { DURATION_FORM, parseDurationMs } from "../../base/units.ts";
import { isLoopback } from "../secrets/loopback.ts";

export interface GatewayWords {
  readonly host: string;
  readonly port: string;
  readonly config: string;
  readonly processes: number;
  readonly isPlain: boolean;
  readonly drain: string;
}

export interface GatewayRoleSettings {
  /** Where clients reach it; port 0 takes one that is free. */
  readonly host: string;
  readonly port: number;
  /** The gateway file. */
  readonly config: string;
  readonly processes: number;
  /** Other machines may reach it without TLS. */
  readonly isPlain: boolean;
  /** What requests under way get to end when it stops. */
  readonly drainMs: number;
}

export function readGatewaySettings(words: GatewayWords): GatewayRoleSettings {
  const { config, drain, host: hostText, isPlain, port: portText, processes } = words;
  const host = parseHost(hostText);
  if (host === undefined) throw usage("HOST", hostText, "a name or address of this machine");
  const port = parsePort(portText);
  if (port === undefined) throw usage("PORT", portText, PORT_FORM);
  const drainMs = parseDurationMs(drain);
  if (drainMs === undefined) throw usage("--drain-timeout", drain, DURATION_FORM);
  return { host, port, config, processes, isPlain, drainMs };
}

/** Others could read and change what goes by: only who says so gets that. */
export function requireSafe({ host, isPlain }: GatewayRoleSettings, hasTls: boolean): void {
  if (hasTls || isPlain || isLoopback(host)) return;
  const remedy =
    "set|tls_certificate=FILE,tls_key=FILE in the gateway file, or --plain where something before it does TLS";
  throw new Failure(
    "settings.gateway_plain",
    `the gateway would listen on ${host} without TLS; ${remedy}, is required`,
  );
}

/** A member at an address that only this machine reaches is found by nobody in a cluster of several: it would come and go for ever. */
export function requireReachable(host: string, seeds: readonly string[]): void {
  const far = isLoopback(host) ? seeds.find((seed) => !isLoopback(parseAddress(seed)?.host ?? "")) : undefined;
  if (far === undefined) return;
  const required = "--address with an address of this machine that those of the cluster reach";
  throw new Failure(
    "usage.gateway",
    `it would be a member at ${host}, which ${far} cannot reach; ${required} is required`,
  );
}

function usage(name: string, text: string, form: string): Failure {
  return new Failure("usage.gateway", `${name} is ${JSON.stringify(text)}; ${form} is required`);
}

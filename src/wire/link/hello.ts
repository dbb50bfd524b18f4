/**
 * How two nodes get to know each other. The dialer's upgrade request carries a token addressed to whom it dials, and a nonce; the
 * acceptor looks at the token before it upgrades. Its first frame proves it in turn: a token addressed to the dialer's id and
 * nonce, so that nobody can have kept one. The dialer says nothing but its own hello before that token was verified.
 */
import { Failure, textOf } from "../../base/errors.ts";
import { Decoder, malformed } from "../codec/index.ts";
import { HELLO_BYTES_MAX } from "./limits.ts";
import { HELLO, type Message } from "./message.ts";
import type { LinkAddress, LinkAuth, LinkIdentity, LinkSelf } from "./types.ts";

export const LINK_PATH = "/link";
export const LINK_VERSION = 1;
export const NONCE_HEADER = "link-nonce";
export const VERSION_HEADER = "link-version";
export const NONCE_BYTES = 16;
/** A dialer's nonce as text: 16 bytes as base64url. */
const NONCE_FORM = /^[A-Za-z0-9_-]{22}$/;
/** Tokens with certificates have some 2 KiB. */
export const TOKEN_CHARS_MAX = 8 * 1024;
const INSTANCE_CHARS_MAX = 64;
const HOST_CHARS_MAX = 253;

/** What each side tells of itself. */
export interface Introduction {
  readonly instance: string;
  readonly address: LinkAddress | undefined;
}

export function isNonce(text: string): boolean {
  return NONCE_FORM.test(text);
}

/** To whom the acceptor's token is addressed. */
export function proofAudience(dialerId: string, nonce: string): string {
  return `${dialerId}|${nonce}`;
}

/** How an address stands in tokens: an IPv6 host in brackets. */
export function audienceOf({ host, port }: LinkAddress): string {
  const bare = host.replace(/^\[|\]$/g, "").toLowerCase();
  return bare.includes(":") ? `[${bare}]:${port}` : `${bare}:${port}`;
}

export async function verifyNode(
  auth: LinkAuth,
  token: string,
  audience: string | readonly string[],
): Promise<LinkIdentity> {
  const identity = await auth.verify(token, audience);
  const { role = "node", id } = identity;
  if (role === "node") return identity;
  throw new Failure("link.refused", `${id} is no node but a ${role}; links are for nodes`);
}

export function helloMessage({ instance, address }: LinkSelf, proof?: string): Message {
  const told = address === undefined ? { instance } : { instance, address };
  return [HELLO, LINK_VERSION, told, ...(proof === undefined ? [] : [proof])];
}

/** The first frame of either side, checked: nothing else may be in it. */
export function readHello(frame: Uint8Array): Introduction & { readonly proof: unknown } {
  if (frame.byteLength > HELLO_BYTES_MAX + TOKEN_CHARS_MAX) {
    throw malformed(`a hello has ${frame.byteLength} bytes; at most ${HELLO_BYTES_MAX} and a token are taken`);
  }
  const { values } = new Decoder().decodeFrame(frame);
  const [message] = values;
  if (values.length !== 1 || !Array.isArray(message) || message[0] !== HELLO)
    throw malformed("a link begins with no hello");
  const [, version, told, proof] = message as readonly unknown[];
  if (version !== LINK_VERSION) {
    throw new Failure(
      "link.version",
      `the other side speaks version ${textOf(version)} of links; ${LINK_VERSION} is required`,
    );
  }
  return { ...introduction(told), proof };
}

function introduction(told: unknown): Introduction {
  if (typeof told !== "object" || told === null) throw malformed("a hello tells nothing of its sender");
  const { instance, address } = told as Partial<Record<keyof Introduction, unknown>>;
  if (typeof instance !== "string" || instance.length > INSTANCE_CHARS_MAX) throw malformed("a hello has no instance");
  return { instance, address: address === undefined ? undefined : readAddress(address) };
}

function readAddress(value: unknown): LinkAddress {
  const { host, port } = (typeof value === "object" && value !== null ? value : {}) as Partial<
    Record<keyof LinkAddress, unknown>
  >;
  const isHost = typeof host === "string" && host.length > 0 && host.length <= HOST_CHARS_MAX;
  const isPort = Number.isInteger(port) && (port as number) > 0 && (port as number) <= 65_535;
  if (!isHost || !isPort) throw malformed("a hello has an address that is none");
  return { host, port: port as number };
}

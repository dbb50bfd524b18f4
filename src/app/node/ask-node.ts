/**
 * Asks a running node: one of this machine through its control socket, which needs nothing, or any by its address, with a
 * token under the cluster's key. What is asked is a service contract either way.
 */

import { lookup } from "node:dns/promises";
import { ADDRESS_FORM, type Address, formatAddress, parseAddress } from "../../base/address.ts";
import { systemClock } from "../../base/clock.ts";
import { Failure, messageOf, toFailure } from "../../base/errors.ts";
import { NO_PROXY } from "../../base/no-proxy.ts";
import { Tokens } from "../../wire/auth/index.ts";
import { httpTransport, type Send, type Transport, unixSend } from "../../wire/rpc/index.ts";
import { readEntries } from "../control/entries.ts";
import { systemEntropy } from "../secrets/entropy.ts";
import { loadSecrets } from "../secrets/load-secrets.ts";
import { stateDirectory } from "../self.ts";

export interface AskChoices {
  /** `host:port`, or several with commas between, asked one behind the other; without it a node that runs on this machine, with this data directory. */
  readonly node: string | undefined;
  /** A directory made by `init`, where the node goes by one. */
  readonly secrets: string | undefined;
  readonly dataDir: string | undefined;
  readonly timeoutMs: number;
  /** Of the token, where one is needed (read). */
  readonly access?: "read" | "operate" | "admin" | undefined;
  /** Which processes of this machine are asked, by their command. */
  readonly commands?: readonly string[] | undefined;
}

export interface Asked<T> {
  /** Who has answered, for people. */
  readonly by: string;
  readonly answer: T;
}

/** Commands that are nodes. */
const NODE_COMMANDS = ["node", "master", "worker", "gateway"];

/** The first answer; of several nodes on this machine the oldest is asked first, and the next one when it is silent. */
export async function askNode<T>(choices: AskChoices, ask: (transport: Transport) => Promise<T>): Promise<Asked<T>> {
  let last: Failure | undefined;
  for (const { name, transport } of await transportsTo(choices)) {
    try {
      return { by: name, answer: await ask(transport) };
    } catch (thrown) {
      last = toFailure(thrown, "cluster.silent");
      if (last.code !== "rpc.unreachable" && last.code !== "rpc.deadline_exceeded") throw last;
    }
  }
  throw last!; // there was one at least
}

/** Who can be asked, each with its name for people: the nodes of `node`, which may be several with commas between, or those here. */
export async function transportsTo(choices: AskChoices): Promise<{ name: string; transport: Transport }[]> {
  const senders = await sendersTo(choices);
  return senders.map(({ name, place, send }) => ({ name, transport: httpTransport(send, place) }));
}

/** One that can be asked, by requests of its HTTP API. */
export interface Sender {
  readonly name: string;
  /** For messages. */
  readonly place: string;
  /** Each request carries what it needs to be let in. */
  readonly send: Send;
}

/** As `transportsTo`, for answers that are read as they come. */
export async function sendersTo(choices: AskChoices): Promise<Sender[]> {
  const { commands = NODE_COMMANDS, node } = choices;
  if (node !== undefined) {
    const addresses = node.split(",").map(readAddress);
    const found = await Promise.allSettled(addresses.map((address) => addressSender(address, choices)));
    const known = found.flatMap((each) => (each.status === "fulfilled" ? [each.value] : []));
    if (known.length > 0) return known; // one name that has no address keeps nobody from asking the others
    throw (found[0] as PromiseRejectedResult).reason; // there is one at least, and none is fulfilled
  }
  const dataDir = stateDirectory(choices.dataDir);
  const entries = readEntries(dataDir).filter(({ command }) => commands.includes(command));
  if (entries.length === 0) throw nobodyHere(commands, dataDir);
  return entries.map(({ pid, pipeline: id, socket }) => ({
    name: `${id} (process ${pid})`,
    place: socket,
    send: unixSend(socket),
  }));
}

function nobodyHere(commands: readonly string[], dataDir: string): Failure {
  const who = commands.length === 1 ? commands[0] : "node";
  const message = `no ${who} runs with the data directory ${dataDir}; --node HOST:PORT asks one somewhere else`;
  return new Failure("cluster.no_node", message);
}

function readAddress(text: string): Address {
  const address = parseAddress(text);
  if (address && address.port > 0) return address;
  throw new Failure("usage.node", `--node is ${JSON.stringify(text)}; ${ADDRESS_FORM} is required`);
}

/**
 * Each request has a token of its own, which is taken once. Without TLS nobody proves who listens: the name is looked up before
 * the token is made, so that it is good for one address only and whoever gets it instead can do nothing with it.
 */
async function addressSender(asked: Address, { access = "read", dataDir, secrets: dir }: AskChoices): Promise<Sender> {
  const secrets = loadSecrets({ dir, dataDir, address: asked, role: "client" });
  const address = secrets.tls ? asked : { host: await lookUp(asked.host), port: asked.port };
  const { identities, identity, keyring, tls } = secrets;
  const trust = { ...(identity && { identity }), ...(identities && { identities }) };
  const tokens = new Tokens({ keyring, clock: systemClock, entropy: systemEntropy, ...trust });
  const place = formatAddress(address);
  const request = { sub: `cli-${process.pid}`, aud: place.toLowerCase(), role: "client", access } as const;
  const send: Send = async (path, init) =>
    fetch(`${tls ? "https" : "http"}://${place}${path}`, {
      ...init,
      headers: { ...init.headers, authorization: `Bearer ${await tokens.issue(request)}` },
      redirect: "error",
      decompress: false,
      ...NO_PROXY,
      ...(tls && { tls: { ca: tls.ca } }),
    });
  return { name: formatAddress(asked), place, send };
}

async function lookUp(host: string): Promise<string> {
  try {
    return (await lookup(host)).address;
  } catch (thrown) {
    throw new Failure("cluster.no_node", `the name ${JSON.stringify(host)} has no address: ${messageOf(thrown)}`);
  }
}

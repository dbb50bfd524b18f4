/** `init`: makes the secrets of a cluster that spans machines, and says what goes where. */
import { relative } from "node:path";
import type { MadeNode, MadeSecrets } from "../../app/secrets/make-secrets.ts";
import { Failure } from "../../base/errors.ts";
import { printable } from "../../base/printable.ts";
import { commonArgs, defineCommand, EXIT } from "../command.ts";
import { repeated } from "../instances.ts";
import { emitJson } from "../output.ts";
import { shellWord } from "../view/shell-word.ts";

interface NodeRequest {
  readonly name: string;
  readonly hosts: readonly string[];
}

export const init = defineCommand({
  about: "make cluster key, authority and node certificates for nodes on several machines; run again to add nodes",
  examples: [
    "init secrets --node alpha=10.0.0.1 --node beta=10.0.0.2,beta.example.org",
    "init secrets --node gamma=10.0.0.3 --days 90",
  ],
  args: {
    dir: {
      type: "positional",
      valueHint: "DIR",
      required: true,
      description: "the directory, made where it is missing",
    },
    node: {
      type: "string",
      valueHint: "NAME[=HOST,…]",
      description: "a node, and the addresses others reach it by; may be given several times",
    },
    days: {
      type: "string",
      valueHint: "N",
      description: "how long the new node certificates are valid (default: 365)",
    },
    json: commonArgs.json,
  },
  async run({ dir, days, json }, words) {
    const requests = repeated("--node", words).map(parseNode);
    const valid = days === undefined ? {} : { days: wholeDays(days) };
    const [{ makeSecrets }, { systemClock }] = await Promise.all([
      import("../../app/secrets/make-secrets.ts"),
      import("../../base/clock.ts"),
    ]);
    const made = await makeSecrets(
      dir,
      requests.map((request) => ({ ...request, ...valid })),
      systemClock,
    );
    if (json) await emitJson(made);
    else process.stderr.write(`${initText(made, dir)}\n`);
    return EXIT.done;
  },
});

/** `NAME` or `NAME=HOST,HOST`. */
export function parseNode(text: string): NodeRequest {
  const at = text.indexOf("=");
  const [name, hosts] = at < 0 ? [text, ""] : [text.slice(0, at), text.slice(at + 1)];
  if (name === "" || (at >= 0 && hosts.split(",").includes(""))) {
    throw new Failure("usage.node", `--node is ${JSON.stringify(text)}; NAME or NAME=HOST,HOST is required`);
  }
  return { name, hosts: at < 0 ? [] : hosts.split(",") };
}

/** What people are told. `dir` as they typed it. */
export function initText(made: MadeSecrets, dir: string): string {
  const files = made.made.map((path) => `  ${printable(within(made, path))}`);
  const head =
    files.length > 0
      ? [`Made in ${printable(dir)}:`, ...files]
      : [`Everything was there already in ${printable(dir)}.`];
  if (made.nodes.length === 0) return [...head, "", `Next: ${again(dir, "NAME=HOST")} for each node.`].join("\n");
  return [...head, ...made.nodes.flatMap((node) => nodeText(made, node, dir)), "", ...closing(dir)].join("\n");
}

function nodeText(made: MadeSecrets, node: MadeNode, dir: string): string[] {
  const files = [made.keyFile, made.authority, node.cert, node.key].map((path) => within(made, path));
  const kept = node.isNew ? "" : "; it was there and is left as it is";
  return [
    "",
    `Node ${node.name}, valid until ${node.validTo.slice(0, 10)}, for ${printable(hostsOf(node).join(", "))}${kept}`,
    "  copy to its machine, as the user who will run it:",
    `    ${copyCommand(dir, files, reachedBy(node))}`,
    `  start it there with --secrets ${shellWord(dir)}`,
  ];
}

/** Keeps names and modes. */
function copyCommand(dir: string, files: readonly string[], host: string): string {
  const there = shellWord(dir);
  const unpack = shellWord(`mkdir -p -m 700 ${there} && tar -xp -C ${there}`);
  return `tar -c -C ${there} ${files.join(" ")} | ssh ${host} ${unpack}`;
}

function closing(dir: string): string[] {
  return [
    `Keep ${printable(dir)}/ca.key here only: whoever has it can make nodes. Copy nothing of one node to another.`,
    `Add a node: ${again(dir, "NAME=HOST")}. Replace the key: distributed_system key --help.`,
  ];
}

function again(dir: string, node: string): string {
  return `distributed_system init ${shellWord(dir)} --node ${node}`;
}

/** The first of its hosts, else its name. */
function reachedBy(node: MadeNode): string {
  const [name, host] = hostsOf(node);
  return shellWord(host ?? name ?? node.name);
}

/** Its name, then what was asked for; without the names of its own machine, which every certificate has. */
function hostsOf({ hosts }: MadeNode): string[] {
  const own = new Set(["localhost", "127.0.0.1", "0:0:0:0:0:0:0:1", "::1"]);
  const names = hosts.split(", ").map((host) => host.replace(/^(DNS|IP Address):/, ""));
  return names.filter((name) => !own.has(name.toLowerCase()));
}

function within({ dir }: MadeSecrets, path: string): string {
  return relative(dir, path);
}

function wholeDays(text: string): number {
  if (/^\d{1,6}$/.test(text)) return Number(text);
  throw new Failure("usage.days", `--days is ${JSON.stringify(text)}; a whole number of days is required`);
}

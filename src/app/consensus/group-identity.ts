/**
 * What tells a group from another one of the same name: made of the voters that it began with. Nodes that were started with
 * different lists would else take each other for members of one group, and lose what either has committed.
 */
import { closeSync, fsyncSync, mkdirSync, openSync, readFileSync, renameSync, writeSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { Failure } from "../../base/errors.ts";

const FILE = "group.json";
const form = z.strictObject({
  version: z.literal(1),
  identity: z.string().min(1).max(64),
  /** Whose directory it is: another node that took it over could vote a second time. */
  node: z.string().min(1).max(64),
});

export function identityOf(voters: readonly string[]): string {
  return Bun.hash.xxHash64(JSON.stringify(voters.toSorted())).toString(16).padStart(16, "0");
}

/** Undefined before the group has begun here. Fails with `consensus.identity` when the file is damaged, or another node's. */
export function readIdentity(directory: string, node: string): string | undefined {
  let text: string;
  try {
    text = readFileSync(join(directory, FILE), "utf8");
  } catch (thrown) {
    if ((thrown as { code?: unknown }).code === "ENOENT") return undefined;
    throw thrown;
  }
  const found = parsed(text);
  const path = join(directory, FILE);
  if (!found) {
    const message = `${path} says ${JSON.stringify(text.slice(0, 100))}, which is not what was written there; without it the group's log cannot be told from another's`;
    throw new Failure("consensus.identity", message);
  }
  if (found.node === node) return found.identity;
  const message = `${path} belongs to the node ${found.node}, and this one is ${node}: a node starts with its own directory`;
  throw new Failure("consensus.identity", message);
}

function parsed(text: string): z.output<typeof form> | undefined {
  try {
    return form.safeParse(JSON.parse(text)).data;
  } catch {
    return undefined; // no JSON
  }
}

/** Durable when it returns. */
export function writeIdentity(directory: string, node: string, identity: string): void {
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const path = join(directory, FILE);
  const file = openSync(`${path}.new`, "w", 0o600);
  try {
    writeSync(file, `${JSON.stringify({ version: 1, identity, node })}\n`);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
  renameSync(`${path}.new`, path);
  const folder = openSync(directory, "r");
  try {
    fsyncSync(folder);
  } finally {
    closeSync(folder);
  }
}

/** What nodes that run services are told of them, and how commands name methods and params. */
import type { ArgsDef, ParsedArgs } from "citty";
import type { ServiceSettings } from "../app/service/settings.ts";
import { Failure, messageOf } from "../base/errors.ts";
import { textFrom } from "./data-flags.ts";
import { repeated } from "./instances.ts";

/** Flags of the commands that are members of the cluster. */
export const serviceArgs = {
  services: {
    type: "string",
    valueHint: "DIR",
    description: "services in it are run; may be given several times (default: services, where it is there)",
  },
  "no-services": { type: "boolean", description: "run none; those of other nodes are called all the same" },
  "service-env": {
    type: "string",
    valueHint: "NAME",
    description: "a variable that services may see; may be given several times",
  },
  "service-memory": {
    type: "string",
    valueHint: "SIZE",
    description: "own memory of one service process before it is replaced (default: half of the machine's)",
  },
  "watch-services": { type: "boolean", description: "swap a service whenever its files are saved" },
} as const satisfies ArgsDef;

type Typed = ParsedArgs<typeof serviceArgs>;

export type ServiceFlags = Pick<Typed, keyof typeof serviceArgs>;

export async function serviceSettings(args: ServiceFlags, words: readonly string[]): Promise<ServiceSettings> {
  const { readServiceSettings } = await import("../app/service/settings.ts");
  const none = args["no-services"] === true || words.includes("--no-services");
  const choices = {
    directories: repeated("--services", words),
    none,
    passEnv: repeated("--service-env", words),
    memory: args["service-memory"],
    watch: args["watch-services"] === true,
  };
  return readServiceSettings(choices, process.cwd());
}

/** `users.get`, `users@1.2.0.get`. */
export function methodFrom(text: string): { readonly service: string; readonly method: string } {
  const at = text.lastIndexOf(".");
  const [service, method] = [text.slice(0, Math.max(0, at)), text.slice(at + 1)];
  if (service !== "" && method !== "") return { service, method };
  throw new Failure("usage.method", `${JSON.stringify(text)} is no method; SERVICE.METHOD is required`);
}

/** JSON as it was typed; `-` is standard input; nothing is the empty object. */
export async function paramsFrom(text: string | undefined): Promise<unknown> {
  if (text === undefined) return {};
  const json = await textFrom(text);
  try {
    return JSON.parse(json);
  } catch (thrown) {
    const where = text === "-" ? "standard input" : JSON.stringify(text.slice(0, 100));
    throw new Failure("usage.params", `the params in ${where} are no JSON: ${messageOf(thrown)}`);
  }
}

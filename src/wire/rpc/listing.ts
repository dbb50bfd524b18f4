/** What contracts look like from outside: names, words and JSON schemas, for people, other languages and API pages. */
import { z } from "zod";
import type { Access, Contract, Method } from "./contract.ts";

export interface MethodListing {
  readonly about: string;
  readonly access: Access;
  readonly idempotent: boolean;
  readonly input: unknown;
  readonly output: unknown;
}

export interface ContractListing {
  readonly name: string;
  readonly version: number;
  readonly about: string;
  readonly methods: Readonly<Record<string, MethodListing>>;
}

export function listContracts(contracts: readonly Contract[]): readonly ContractListing[] {
  return contracts.map(({ name, version, about, methods }) => ({
    name,
    version,
    about,
    methods: Object.fromEntries(Object.entries(methods).map(([each, method]) => [each, listMethod(method)])),
  }));
}

/** The input as a caller writes it, the output as a caller reads it. What JSON schema cannot say is left open. */
export function listMethod({ about, access, idempotent = false, input, output }: Method): MethodListing {
  return {
    about,
    access,
    idempotent,
    input: z.toJSONSchema(input, { io: "input", unrepresentable: "any" }),
    output: z.toJSONSchema(output, { io: "output", unrepresentable: "any" }),
  };
}

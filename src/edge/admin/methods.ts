/** The methods that routes name: found once, with the JSON schemas that fields and pages are made by. The contract is the truth. */
import { type ContractListing, listContracts, type MethodListing } from "../../wire/rpc/index.ts";
import { type Schema, schemaOf } from "./fields.ts";
import type { CallPort, Route } from "./types.ts";

export interface FoundMethod extends MethodListing {
  readonly contract: string;
  readonly method: string;
  readonly input: Schema;
  readonly output: Schema;
}

export interface MethodTable {
  readonly listing: readonly ContractListing[];
  /** Undefined where this node has no such contract: a worker has no pipelines. */
  find(route: Pick<Route, "contract" | "method">): FoundMethod | undefined;
}

export function methodTable({ contracts }: Pick<CallPort, "contracts">): MethodTable {
  const listing = listContracts(contracts);
  const methods = new Map<string, FoundMethod>();
  for (const { name, methods: all } of listing) {
    for (const [method, each] of Object.entries(all)) {
      const { input, output } = each;
      methods.set(`${name}.${method}`, {
        ...each,
        contract: name,
        method,
        input: schemaOf(input),
        output: schemaOf(output),
      });
    }
  }
  return { listing, find: ({ contract, method }) => methods.get(`${contract}.${method}`) };
}

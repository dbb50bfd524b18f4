/**
 * The methods that routes name, with the JSON schemas that fields and pages are made by. The contract is the truth. Schemas are made
 * when they are first needed: all of them take a tenth of a second, which no start should wait for.
 */
import {
  type Access,
  type Contract,
  type ContractListing,
  listContracts,
  listMethod,
  type Method,
} from "../../wire/rpc/index.ts";
import { type Schema, schemaOf } from "./fields.ts";
import type { CallPort, Route } from "./types.ts";

export class FoundMethod {
  readonly contract: string;
  readonly method: string;
  readonly about: string;
  readonly access: Access;
  readonly #definition: Method;
  #schemas: { readonly input: Schema; readonly output: Schema } | undefined;

  constructor(contract: string, method: string, definition: Method) {
    this.contract = contract;
    this.method = method;
    this.about = definition.about;
    this.access = definition.access;
    this.#definition = definition;
  }

  get input(): Schema {
    return this.#made().input;
  }

  get output(): Schema {
    return this.#made().output;
  }

  #made(): { readonly input: Schema; readonly output: Schema } {
    if (!this.#schemas) {
      const { input, output } = listMethod(this.#definition);
      this.#schemas = { input: schemaOf(input), output: schemaOf(output) };
    }
    return this.#schemas;
  }
}

export interface MethodTable {
  readonly listing: readonly ContractListing[];
  /** Undefined where this node has no such contract: a worker has no pipelines. */
  find(route: Pick<Route, "contract" | "method">): FoundMethod | undefined;
}

export function methodTable({ contracts }: Pick<CallPort, "contracts">): MethodTable {
  let listing: readonly ContractListing[] | undefined;
  const methods = new Map(contracts.flatMap(methodsOf));
  return {
    get listing() {
      listing ??= listContracts(contracts);
      return listing;
    },
    find: ({ contract, method }) => methods.get(`${contract}.${method}`),
  };
}

function methodsOf({ name, methods }: Contract): [string, FoundMethod][] {
  return Object.entries(methods).map(([method, each]) => [`${name}.${method}`, new FoundMethod(name, method, each)]);
}

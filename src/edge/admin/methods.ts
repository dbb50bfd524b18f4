/**
 * The methods that routes name, with the JSON schemas that fields and pages are made by. The contract is the truth. Schemas are made
 * when they are first needed, and all of them piece by piece: they take a tenth of a second, which no start and no caller should wait for.
 */
import type { Clock } from "../../base/clock.ts";
import {
  type Access,
  type Contract,
  type ContractListing,
  listMethod,
  type Method,
  type MethodListing,
} from "../../wire/rpc/index.ts";
import { breather } from "./breath.ts";
import { type Schema, schemaOf } from "./fields.ts";
import type { CallPort, Route } from "./types.ts";

export class FoundMethod {
  readonly contract: string;
  readonly method: string;
  readonly about: string;
  readonly access: Access;
  readonly #definition: Method;
  #listing: MethodListing | undefined;

  constructor(contract: string, method: string, definition: Method) {
    this.contract = contract;
    this.method = method;
    this.about = definition.about;
    this.access = definition.access;
    this.#definition = definition;
  }

  get input(): Schema {
    return schemaOf(this.listing.input);
  }

  get output(): Schema {
    return schemaOf(this.listing.output);
  }

  get listing(): MethodListing {
    this.#listing ??= listMethod(this.#definition);
    return this.#listing;
  }
}

export interface MethodTable {
  listing(): Promise<readonly ContractListing[]>;
  /** Undefined where this node has no such contract: a worker has no pipelines. */
  find(route: Pick<Route, "contract" | "method">): FoundMethod | undefined;
}

export function methodTable({ contracts }: Pick<CallPort, "contracts">, clock: Clock): MethodTable {
  let listing: Promise<readonly ContractListing[]> | undefined;
  const methods = new Map(contracts.flatMap(methodsOf));
  return {
    listing() {
      listing ??= listed(contracts, methods, clock);
      return listing;
    },
    find: ({ contract, method }) => methods.get(`${contract}.${method}`),
  };
}

async function listed(
  contracts: readonly Contract[],
  methods: ReadonlyMap<string, FoundMethod>,
  clock: Clock,
): Promise<readonly ContractListing[]> {
  const breath = breather(clock);
  const all: ContractListing[] = [];
  for (const { name, version, about, methods: own } of contracts) {
    const told: Record<string, MethodListing> = {};
    for (const method of Object.keys(own)) {
      told[method] = methods.get(`${name}.${method}`)!.listing; // all of them are there
      await breath();
    }
    all.push({ name, version, about, methods: told });
  }
  return all;
}

function methodsOf({ name, methods }: Contract): [string, FoundMethod][] {
  return Object.entries(methods).map(([method, each]) => [`${name}.${method}`, new FoundMethod(name, method, each)]);
}

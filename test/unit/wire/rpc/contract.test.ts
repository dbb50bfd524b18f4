import { describe, expect, test } from "bun:test";
import { z } from "zod";
import {
  type Client,
  defineContract,
  type Implementation,
  type InputOf,
  listContracts,
  mayCall,
  type OutputOf,
} from "../../../../src/wire/rpc/index.ts";
import { GUEST, OWNER, shop } from "./support.ts";

/** Fails to compile when the two types differ. */
type Same<Left, Right> = (<T>() => T extends Left ? 1 : 2) extends <T>() => T extends Right ? 1 : 2 ? true : false;
function holds<T extends true>(): T {
  return true as T;
}

type Price = (typeof shop.methods)["price"];

describe("types of a contract", () => {
  test("InputOf, OutputOf, Client and Implementation follow the schemas when a contract is defined", () => {
    const proofs = [
      holds<Same<InputOf<Price>, { thing: string; pieces?: number | undefined }>>(),
      holds<Same<OutputOf<Price>, { total: number; note?: string | undefined }>>(),
      holds<Same<Awaited<ReturnType<Client<typeof shop.methods>["price"]>>, OutputOf<Price>>>(),
      holds<Same<Parameters<Client<typeof shop.methods>["buy"]>[0], { thing: string }>>(),
      // What a method gets has its defaults filled in.
      holds<Same<Parameters<Implementation<typeof shop.methods>["price"]>[0], { thing: string; pieces: number }>>(),
    ];
    expect(proofs).not.toContain(false);
  });
});

describe("defineContract()", () => {
  const method = { about: "", input: z.object({}), output: z.object({}), access: "read" } as const;
  for (const [what, contract] of [
    ["a name with a slash", { name: "a/b", version: 1, about: "", methods: {} }],
    ["a method with a blank", { name: "a", version: 1, about: "", methods: { "b c": method } }],
    [
      "a method of the prototype's making",
      { name: "a", version: 1, about: "", methods: { ["__proto__" as string]: method } },
    ],
    ["version 0", { name: "a", version: 0, about: "", methods: {} }],
    ["version 1.5", { name: "a", version: 1.5, about: "", methods: {} }],
  ] as const) {
    test(`defineContract() refuses it when it has ${what}`, () => {
      expect(() => defineContract(contract)).toThrow("invariant broken");
    });
  }
});

describe("mayCall()", () => {
  test("mayCall() lets operators read and readers not operate", () => {
    expect([mayCall(OWNER, "read"), mayCall(OWNER, "operate"), mayCall(GUEST, "read")]).toEqual([true, true, true]);
    expect(mayCall(GUEST, "operate")).toBe(false);
  });
});

describe("listContracts()", () => {
  test("listContracts() shows inputs as callers write them and outputs as they read them", () => {
    const [{ name, version, methods }] = listContracts([shop]) as [ReturnType<typeof listContracts>[number]];
    expect([name, version, Object.keys(methods)]).toEqual(["shop", 3, ["price", "buy", "wait", "break"]]);
    expect(methods.price).toMatchObject({ about: "what a thing costs", access: "read", idempotent: true });
    expect(methods.buy).toMatchObject({ access: "operate", idempotent: false });
    // `pieces` has a default: not required of a caller.
    expect(methods.price!.input).toMatchObject({ type: "object", required: ["thing"], additionalProperties: false });
    expect(methods.price!.output).toMatchObject({ properties: { total: { type: "number" } }, required: ["total"] });
  });
  test("listContracts() refers a schema to itself when it is recursive", () => {
    const node = z.object({
      name: z.string(),
      get children() {
        return z.array(node);
      },
    });
    const method = { about: "", input: z.object({}), output: node, access: "read" } as const;
    const listed = listContracts([defineContract({ name: "t", version: 1, about: "", methods: { tree: method } })]);
    expect(JSON.stringify(listed)).toContain('"$ref":"#"');
  });
});

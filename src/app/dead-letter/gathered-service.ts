/** Answers the contract `dead_letters` for all masters: looks where the letters are, and lets that one do what is asked. */
import { type CallContext, implement, type OutputOf, type Service } from "../../wire/rpc/index.ts";
import { deadLettersContract } from "./dead-letter-contract.ts";
import type { LetterSites } from "./letter-sites.ts";

type Methods = typeof deadLettersContract.methods;

export function gatheredLetters(sites: LetterSites): Service {
  const there = async <M extends keyof Methods>(
    method: M,
    { pipeline, ...input }: { readonly pipeline: string },
    { signal }: CallContext,
  ): Promise<OutputOf<Methods[M]>> => {
    const { own, site } = await sites.find(pipeline, signal);
    return (await site.call(method, { ...input, pipeline: own }, signal)) as OutputOf<Methods[M]>; // put to the schema by the dispatcher
  };
  return implement(deadLettersContract, {
    async summary({ pipeline }, { signal }) {
      if (pipeline !== undefined) return { pipelines: [(await sites.find(pipeline, signal)).told] };
      const { found, missing } = await sites.letters(signal);
      return { pipelines: found.map(({ told }) => told), ...(missing.length > 0 && { missing }) };
    },
    list: (input, context) => there("list", input, context),
    show: (input, context) => there("show", input, context),
    replay: (input, context) => there("replay", input, context),
    replays: async (_, { signal }) => ({ replays: await sites.replays(signal) }),
    purge: (input, context) => there("purge", input, context),
  });
}

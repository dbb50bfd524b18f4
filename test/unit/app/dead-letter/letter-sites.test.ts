/** Letters of several masters, asked at one of them. */
import { describe, expect, test } from "bun:test";
import { deadLettersContract, type LettersOfPipeline } from "../../../../src/app/dead-letter/dead-letter-contract.ts";
import { gatheredLetters } from "../../../../src/app/dead-letter/gathered-service.ts";
import { type LetterSite, LetterSites } from "../../../../src/app/dead-letter/letter-sites.ts";
import { Failure } from "../../../../src/base/errors.ts";
import { createClient, Dispatcher } from "../../../../src/wire/rpc/index.ts";
import { SteppedClock } from "../../../support/stepped-clock.ts";

type Files = Readonly<Record<string, string>>;

/** Has letters of the pipelines, each in a file. Its ids are `id-PIPELINE`. */
class Site implements LetterSite {
  readonly calls: string[] = [];
  isSilent = false;

  constructor(
    readonly id: string,
    readonly files: Files,
    readonly host = id,
    readonly isSelf = false,
  ) {}

  async call(method: string, input: { readonly pipeline?: string }): Promise<unknown> {
    if (this.isSilent) return new Promise(() => {});
    const { pipeline } = input;
    this.calls.push(`${method} ${pipeline ?? ""}`.trim());
    if (method === "replays") return { replays: [] };
    const found = Object.keys(this.files).filter((each) => [undefined, each, `id-${each}`].includes(pipeline));
    if (found.length === 0) throw new Failure("dead_letter.pipeline_not_found", `no ${pipeline}`);
    if (method === "summary") return { pipelines: found.map((each) => this.#summary(each)) };
    return method === "purge" ? { purged: 1, kept: 0 } : { letters: [], damaged: [] };
  }

  #summary(pipeline: string): LettersOfPipeline {
    const counts = { letters: 1, records: 1, texts: 0, damaged: 0, others: 0 };
    return { pipeline, file: this.files[pipeline]!, ...counts, groups: [] };
  }
}

function open(...sites: readonly LetterSite[]) {
  const clock = new SteppedClock();
  const dispatcher = new Dispatcher([gatheredLetters(new LetterSites({ clock, sites: () => sites }))], { clock });
  const caller = { name: "test", access: "operate" } as const;
  const client = createClient(deadLettersContract, (call) => dispatcher.call({ ...call, caller }), { clock });
  const names = async () => (await client.summary({})).pipelines.map(({ node, pipeline }) => `${pipeline} of ${node}`);
  return { client, clock, names };
}

function codeOf(asked: Promise<unknown>): Promise<string> {
  return asked.then(
    () => "none",
    (thrown) => thrown.code,
  );
}

describe("LetterSites", () => {
  test("letters() tells the letters of every master, by names that say which", async () => {
    const m1 = new Site("m1", { orders: "/d/o", users: "/d/u" }, "h1", true);
    const m2 = new Site("m2", { orders: "/d/o" }, "h2");
    expect(await open(m1, m2).names()).toEqual(["orders@m1 of m1", "orders@m2 of m2", "users of m1"]);
  });

  test("letters() tells a file once that masters of one machine share, by the first of them", async () => {
    const m3 = new Site("m3", { orders: "/d/o" }, "h");
    const m1 = new Site("m1", { orders: "/d/o" }, "h", true);
    expect(await open(m3, m1).names()).toEqual(["orders of m3"]);
  });

  test("letters() waits for nobody who is silent, and names him", async () => {
    const [m1, m2] = [new Site("m1", { orders: "/d/o" }, "h1", true), new Site("m2", { users: "/d/u" }, "h2")];
    m2.isSilent = true;
    const { client, clock } = open(m1, m2);
    const asked = client.summary({});
    await new Promise((resolve) => setImmediate(resolve));
    clock.advance(700);
    const { missing, pipelines } = await asked;
    expect([pipelines.map(({ pipeline }) => pipeline), missing]).toEqual([["orders"], ["m2"]]);
  });

  test("find() has the master do it whose letters they are, by name, id, or name and master", async () => {
    const m1 = new Site("m1", { orders: "/d/o" }, "h1", true);
    const m2 = new Site("m2", { orders: "/d/o", users: "/d/u" }, "h2");
    const { client } = open(m1, m2);
    for (const pipeline of ["users", "id-users"]) await client.list({ pipeline });
    await client.purge({ pipeline: "orders@m2", all: true });
    const done = ({ calls }: Site) => calls.filter((call) => !call.startsWith("summary"));
    expect([done(m1), done(m2)]).toEqual([[], ["list users", "list users", "purge orders"]]);
    expect(await codeOf(client.list({ pipeline: "orders" }))).toBe("dead_letter.several_nodes");
    expect(await codeOf(client.list({ pipeline: "nothing" }))).toBe("dead_letter.pipeline_not_found");
  });
});

/**
 * All rules of a gateway. Lua files share their hosts, each in a Lua state of its own, until one has to be killed for it; a plugin, which may do
 * whatever it likes to its process, has hosts for itself.
 */
import { Failure } from "../../../base/errors.ts";
import type { RouteRules, RuleRequest } from "../words/index.ts";
import { RuleHosts } from "./hosts.ts";
import { Question } from "./question.ts";
import type { RuleFault, RuleFile, RulesOptions } from "./words.ts";

export interface RulesOfRoute {
  /** One decision may take so long. */
  readonly timeoutMs: number;
  /** Names of the route's targets. */
  readonly targets: readonly string[];
}

interface Place {
  readonly hosts: RuleHosts;
  readonly file: number;
}

export class RuleBook {
  readonly #places = new Map<string, Place>();

  /** Fails with `gateway.rule_load` and every fault of every file in `data.faults`. */
  static async open(files: readonly RuleFile[], options: RulesOptions): Promise<RuleBook> {
    const book = new RuleBook();
    const results = await Promise.allSettled(groups(files).map((group) => book.#open(group, options)));
    const faults = results.flatMap((each) => (each.status === "fulfilled" ? each.value : []));
    const broken = results.find((each) => each.status === "rejected");
    if (faults.length === 0 && broken === undefined) return book;
    await book.close();
    if (broken !== undefined && faults.length === 0) throw broken.reason;
    const says = faults.map(({ line, message, path }) => `${path}${line === undefined ? "" : `:${line}`}: ${message}`);
    throw new Failure("gateway.rule_load", says.join("\n"), { data: { faults } });
  }

  /** What `lua=` or `plugin=` of a route stands for; the file is one of those that were opened. */
  rules(path: string, { targets, timeoutMs }: RulesOfRoute): RouteRules {
    const place = this.#places.get(path);
    if (place === undefined) throw new Failure("gateway.rule_load", `the rules ${path} were not opened`);
    const names = new Set(targets);
    return {
      decide: (request: RuleRequest) => {
        const question = new Question(place.file, request, timeoutMs, names);
        place.hosts.ask(question);
        return question.promise;
      },
      close: () => Promise.resolve(), // its hosts are the book's
    };
  }

  counts(): {
    readonly hosts: number;
    readonly restarts: number;
    readonly waiting: number;
    readonly pids: readonly number[];
  } {
    const sum = { hosts: 0, restarts: 0, waiting: 0, pids: [] as number[] };
    for (const hosts of this.#hosts()) {
      const counts = hosts.counts();
      sum.hosts += counts.hosts;
      sum.restarts += counts.restarts;
      sum.waiting += counts.waiting;
      sum.pids.push(...counts.pids);
    }
    return sum;
  }

  async close(): Promise<void> {
    await Promise.all([...this.#hosts()].map((hosts) => hosts.close()));
  }

  #hosts(): ReadonlySet<RuleHosts> {
    return new Set([...this.#places.values()].map(({ hosts }) => hosts));
  }

  async #open(group: readonly RuleFile[], options: RulesOptions): Promise<readonly RuleFault[]> {
    const hosts = await RuleHosts.start(group, options);
    if (!(hosts instanceof RuleHosts)) return hosts;
    for (const [file, { path }] of group.entries()) this.#places.set(path, { hosts, file });
    return [];
  }
}

/** What is wrong with these files; nothing when they can decide. */
export async function checkRules(files: readonly RuleFile[], options: RulesOptions): Promise<readonly RuleFault[]> {
  const results = await Promise.all(groups(files).map((group) => RuleHosts.start(group, { ...options, hosts: 0 })));
  await Promise.all(results.map((each) => (each instanceof RuleHosts ? each.close() : undefined)));
  return results.flatMap((each) => (each instanceof RuleHosts ? [] : each));
}

function groups(files: readonly RuleFile[]): readonly (readonly RuleFile[])[] {
  const once = [...new Map(files.map((file) => [file.path, file])).values()];
  const lua = once.filter(({ kind }) => kind === "lua");
  const plugins = once.filter(({ kind }) => kind === "plugin").map((file) => [file]);
  return lua.length === 0 ? plugins : [lua, ...plugins];
}

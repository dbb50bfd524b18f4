/** The files of a host, loaded: each decides by the bytes of a request. */
import { basename } from "node:path";
import type { Clock } from "../../../base/clock.ts";
import { Failure, messageOf, toFailure } from "../../../base/errors.ts";
import { ROUTE_API_VERSION, type RoutePlugin } from "../../../sdk/index.ts";
import { MESSAGE_CHARS_MAX } from "./limits.ts";
import { LuaModule } from "./lua-module.ts";
import { LuaScript } from "./lua-script.ts";
import { RequestReader, readRequest } from "./request-frame.ts";
import type { RuleFault, RuleFile } from "./words.ts";

/** What `route` gives back; throws what it throws. */
export type Decider = (request: Buffer, timeoutMs: number) => unknown;

/** Rounds of a rule of our own, so that the first request does not pay for a machine that is cold. */
const WARM_ROUNDS = 2_000;
const WARM_RULE = Buffer.from('function route(r) return { target = r.headers.host, path = "/" .. r.path } end');

export class Deciders {
  readonly #clock: Clock;
  readonly #all: (Decider | undefined)[] = [];
  #lua: LuaModule | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Every fault of every file. */
  async load(files: readonly RuleFile[], warmRequest: Buffer): Promise<readonly RuleFault[]> {
    const faults: RuleFault[] = [];
    for (const file of files) {
      try {
        this.#all.push(file.kind === "lua" ? await this.#loadLua(file.path) : await loadPluginRoute(file.path));
      } catch (thrown) {
        faults.push(faultOf(file.path, messageOf(thrown)));
      }
    }
    if (this.#lua !== undefined) this.#warm(this.#lua, warmRequest);
    return faults;
  }

  decide(request: Buffer): unknown {
    const reader = new RequestReader(request);
    const decider = this.#all[reader.file];
    if (decider === undefined) throw new Failure("gateway.rule_invalid", `there is no file ${reader.file}`);
    return decider(request, reader.timeoutMs);
  }

  async #loadLua(path: string): Promise<Decider> {
    const source = await Bun.file(path).bytes();
    this.#lua ??= await LuaModule.open(this.#clock);
    const script = new LuaScript(this.#lua, this.#clock, basename(path), source);
    script.load();
    return (request, timeoutMs) => script.decide(new RequestReader(request), request, timeoutMs);
  }

  #warm(lua: LuaModule, request: Buffer): void {
    const script = new LuaScript(lua, this.#clock, "warm.lua", WARM_RULE);
    script.load();
    for (let round = 0; round < WARM_ROUNDS; round++) script.decide(new RequestReader(request), request, 1_000);
  }
}

async function loadPluginRoute(path: string): Promise<Decider> {
  const module = (await import(path)) as { readonly default?: Partial<RoutePlugin> };
  const plugin = module.default;
  if (plugin?.kind !== "route" || typeof plugin.route !== "function")
    throw new Error("is no route plugin; required is export default defineRoute({ route(request) { … } })");
  if (plugin.api !== ROUTE_API_VERSION)
    throw new Error(`was made for version ${plugin.api} of route plugins; required is ${ROUTE_API_VERSION}`);
  const { route } = plugin as RoutePlugin;
  return (request) => decideOnce(route, request);
}

function decideOnce(route: RoutePlugin["route"], request: Buffer): unknown {
  let decision: unknown;
  try {
    const { claims, ...rest } = readRequest(request);
    decision = route(claims === undefined ? rest : { ...rest, claims });
  } catch (thrown) {
    throw toFailure(new Error(messageOf(thrown).slice(0, MESSAGE_CHARS_MAX)), "gateway.rule_failed");
  }
  if (!(decision instanceof Promise)) return decision;
  decision.catch(() => {}); // nobody waits for it
  throw new Failure("gateway.rule_invalid", "route gave a promise; it has to decide at once");
}

/** Lua says `file.lua:3: what`. */
function faultOf(path: string, message: string): RuleFault {
  const prefix = `${basename(path)}:`;
  const [, line, rest] = (message.startsWith(prefix) && /^(\d+): (.*)$/s.exec(message.slice(prefix.length))) || [];
  if (line === undefined || rest === undefined) return { path, message };
  return { path, line: Number(line), message: rest };
}

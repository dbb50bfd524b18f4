/** Values into Lua and out of it, without any code of the script being run: its metatables are not asked. */
import { Failure } from "../../../base/errors.ts";
import { CLAIMS_DEPTH_MAX, DECISION_BYTES_MAX } from "./limits.ts";
import { BOOLEAN, FUNCTION, NIL, NUMBER, STRING, TABLE } from "./lua-module.ts";
import type { LuaState } from "./lua-state.ts";

/** Of what a rule gives back: reply.headers.name. */
const DEPTH_MAX = 4;
/** Key, value and what is made of them, at each level. */
const PLACES = 4 * (CLAIMS_DEPTH_MAX + DEPTH_MAX);
const TYPE_NAMES = ["nil", "boolean", "light userdata", "number", "string", "table", "function", "userdata", "thread"];

/** Room on the stack for everything here. */
export function reserve({ at, lua }: LuaState): void {
  lua.call.lua_checkstack(at, PLACES);
}

export function pushValue(state: LuaState, value: unknown, depth = 0): void {
  const { at, lua } = state;
  if (typeof value === "string") pushText(state, value);
  else if (Number.isSafeInteger(value)) lua.call.lua_pushinteger(at, BigInt(value as number));
  else if (typeof value === "number") lua.call.lua_pushnumber(at, value);
  else if (typeof value === "boolean") lua.call.lua_pushboolean(at, value ? 1 : 0);
  else if (typeof value === "object" && value !== null && depth < CLAIMS_DEPTH_MAX) pushTable(state, value, depth);
  else lua.call.lua_pushnil(at);
}

export function pushText({ at, lua }: LuaState, text: string): void {
  const bytes = Buffer.from(text);
  const place = lua.call.malloc(bytes.length + 1);
  lua.bytes.set(bytes, place);
  lua.call.lua_pushlstring(at, place, bytes.length);
  lua.call.free(place);
}

/** Lists count from 1, as Lua's do. */
function pushTable(state: LuaState, value: object, depth: number): void {
  const { at, lua } = state;
  lua.call.lua_createtable(at, 0, 0);
  const isList = Array.isArray(value);
  for (const [key, each] of Object.entries(value)) {
    if (each === null) continue; // to Lua it is the same as nothing
    if (isList) lua.call.lua_pushinteger(at, BigInt(Number(key) + 1));
    else pushText(state, key);
    pushValue(state, each, depth + 1);
    lua.call.lua_rawset(at, -3);
  }
}

/** The topmost value as plain data; what is none fails with `gateway.rule_invalid`. */
export function readTop(state: LuaState): unknown {
  return new Reading(state).value("", 0);
}

class Reading {
  readonly #state: LuaState;
  #bytes = 0;

  constructor(state: LuaState) {
    this.#state = state;
  }

  value(name: string, depth: number): unknown {
    const { at, lua } = this.#state;
    const type = lua.call.lua_type(at, -1);
    switch (type) {
      case NIL:
        return null;
      case BOOLEAN:
        return lua.call.lua_toboolean(at, -1) !== 0;
      case NUMBER:
        return lua.call.lua_tonumberx(at, -1, 0);
      case STRING:
        return this.#text(-1, name === "body" ? "utf8" : "latin1");
      case TABLE:
        if (depth < DEPTH_MAX) return this.#table(depth);
    }
    throw new Failure(
      "gateway.rule_invalid",
      `what the rule decided holds a ${depth < DEPTH_MAX ? TYPE_NAMES[type] : "table too deep"}${name && ` (${name})`}; required are texts, numbers and tables`,
    );
  }

  #table(depth: number): Readonly<Record<string, unknown>> {
    const { at, lua } = this.#state;
    const fields: Record<string, unknown> = Object.create(null) as Record<string, unknown>;
    lua.call.lua_pushnil(at);
    while (lua.call.lua_next(at, -2) !== 0) {
      const key = this.#key();
      fields[key] = this.value(key, depth + 1);
      lua.call.lua_settop(at, -2);
      this.#count(1);
    }
    return fields;
  }

  /** Of the pair on the stack; not changed, for the next one is found by it. */
  #key(): string {
    const { at, lua } = this.#state;
    const type = lua.call.lua_type(at, -2);
    if (type === STRING) return this.#text(-2, "latin1");
    if (type === NUMBER) return String(lua.call.lua_tonumberx(at, -2, 0));
    throw new Failure(
      "gateway.rule_invalid",
      `what the rule decided has a ${TYPE_NAMES[type]} for a name; required are texts`,
    );
  }

  #text(index: number, encoding: "latin1" | "utf8"): string {
    const place = this.#state.textAt(index);
    const length = this.#state.lengthRead;
    this.#count(length);
    return this.#state.lua.bytes.toString(encoding, place, place + length);
  }

  #count(bytes: number): void {
    this.#bytes += bytes;
    if (this.#bytes > DECISION_BYTES_MAX)
      throw new Failure("gateway.rule_invalid", `what the rule decided is larger than ${DECISION_BYTES_MAX} bytes`);
  }
}

export function isFunction({ at, lua }: LuaState): boolean {
  return lua.call.lua_type(at, -1) === FUNCTION;
}

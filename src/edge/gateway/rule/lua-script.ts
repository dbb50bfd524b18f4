/**
 * One Lua file, loaded: its `route(request)` decides. The file runs once; from then on it can make no new globals, and what it keeps in its
 * own tables is kept by this process only, and forgotten whenever it fails: rules must not count on it.
 */
import type { Clock } from "../../../base/clock.ts";
import { Failure, toFailure } from "../../../base/errors.ts";
import { KEPT_BYTES_MAX, LOAD_MS_MAX, REQUEST_BYTES_MAX } from "./limits.ts";
import type { LuaModule } from "./lua-module.ts";
import { LuaState } from "./lua-state.ts";
import { isFunction, pushText, pushValue, readTop, reserve } from "./lua-values.ts";
import { type RequestReader, TEXT_FIELDS } from "./request-frame.ts";

/**
 * Takes out what loads code, prints, or runs unseen (finalizers run where no time is counted), and gives back what guards the globals.
 */
const PRELUDE = Buffer.from(`
collectgarbage, dofile, load, loadfile, print, warn = nil
string.dump = nil
local set, raw, kind, fail, text = setmetatable, rawget, type, error, tostring
function setmetatable(value, meta)
  if kind(meta) == "table" and raw(meta, "__gc") ~= nil then fail("__gc is not allowed", 2) end
  return set(value, meta)
end
getmetatable("").__metatable = false
return function(_, name) fail("the global " .. text(name) .. " is set while a request is decided; say local", 2) end
`);

/** On the stack: while a file is loaded, and from then on. */
const GUARD_AT = 1;
const GLOBALS_AT = 2;
const ROUTE_AT = 1;

export class LuaScript {
  readonly #state: LuaState;
  readonly #name: string;
  readonly #source: Uint8Array;
  /** The request's bytes, in the module's memory. */
  readonly #room: number;
  readonly #fieldNames: readonly { readonly at: number; readonly bytes: number }[];
  #isLoaded = false;

  constructor(lua: LuaModule, clock: Clock, name: string, source: Uint8Array) {
    this.#state = new LuaState(lua, clock);
    this.#name = name;
    this.#source = source;
    this.#room = lua.call.malloc(REQUEST_BYTES_MAX);
    this.#fieldNames = [...TEXT_FIELDS, "headers", "params", "claims"].map((field) => {
      const at = lua.call.malloc(field.length);
      lua.bytes.set(Buffer.from(field), at);
      return { at, bytes: field.length };
    });
  }

  /** Compiles the file and runs it. Fails with what is wrong. */
  load(): void {
    const state = this.#state;
    const { lua } = state;
    this.#isLoaded = false;
    state.reopen();
    reserve(state);
    state.load(PRELUDE, "prelude");
    state.call(0, 1, LOAD_MS_MAX);
    state.withName("_G", (place) => lua.call.lua_getglobal(state.at, place));
    state.load(this.#source, this.#name);
    state.call(0, 0, LOAD_MS_MAX);
    this.#seal();
    state.withName("route", (place) => lua.call.lua_getglobal(state.at, place));
    if (!isFunction(state)) throw new Failure("gateway.rule_failed", "has no function route(request)");
    this.#isLoaded = true;
  }

  /** What `route` gives back, as plain data. `bytes` is what the reader reads. */
  decide(reader: RequestReader, bytes: Uint8Array, timeoutMs: number): unknown {
    if (!this.#isLoaded) this.load();
    const state = this.#state;
    const { lua } = state;
    try {
      lua.call.lua_pushvalue(state.at, ROUTE_AT);
      lua.bytes.set(bytes, this.#room);
      this.#pushRequest(reader);
      state.call(1, 1, timeoutMs);
      const decision = readTop(state);
      lua.call.lua_settop(state.at, ROUTE_AT);
      if (state.usedBytes > KEPT_BYTES_MAX) this.#isLoaded = false;
      return decision;
    } catch (thrown) {
      this.#isLoaded = false;
      throw toFailure(thrown, "gateway.rule_broken");
    }
  }

  /** A metatable for the globals, whatever the file has given them; both lie on the stack since before it ran. */
  #seal(): void {
    const state = this.#state;
    const { lua } = state;
    lua.call.lua_createtable(state.at, 0, 2);
    pushText(state, "__newindex");
    lua.call.lua_pushvalue(state.at, GUARD_AT);
    lua.call.lua_rawset(state.at, -3);
    pushText(state, "__metatable");
    lua.call.lua_pushboolean(state.at, 0);
    lua.call.lua_rawset(state.at, -3);
    lua.call.lua_setmetatable(state.at, GLOBALS_AT);
    lua.call.lua_settop(state.at, 0);
  }

  #pushRequest(reader: RequestReader): void {
    const { at, lua } = this.#state;
    lua.call.lua_createtable(at, 0, this.#fieldNames.length);
    for (let field = 0; field < TEXT_FIELDS.length; field++) {
      this.#pushFieldName(field);
      this.#pushText(reader);
      lua.call.lua_rawset(at, -3);
    }
    this.#pushFieldName(TEXT_FIELDS.length);
    this.#pushPairs(reader);
    this.#pushFieldName(TEXT_FIELDS.length + 1);
    this.#pushPairs(reader);
    const claims = reader.claims();
    if (claims === undefined) return;
    this.#pushFieldName(TEXT_FIELDS.length + 2);
    pushValue(this.#state, claims);
    lua.call.lua_rawset(at, -3);
  }

  #pushFieldName(field: number): void {
    const { at, bytes } = this.#fieldNames[field]!;
    this.#state.lua.call.lua_pushlstring(this.#state.at, at, bytes);
  }

  #pushText(reader: RequestReader): void {
    reader.nextText();
    this.#state.lua.call.lua_pushlstring(this.#state.at, this.#room + reader.from, reader.to - reader.from);
  }

  /** As a table, which is put into the one below. */
  #pushPairs(reader: RequestReader): void {
    const { at, lua } = this.#state;
    const count = reader.nextCount();
    lua.call.lua_createtable(at, 0, count);
    for (let left = count; left > 0; left--) {
      this.#pushText(reader);
      this.#pushText(reader);
      lua.call.lua_rawset(at, -3);
    }
    lua.call.lua_rawset(at, -3);
  }
}

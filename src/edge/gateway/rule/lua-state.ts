/**
 * One Lua state with its limits: memory by its allocator, time by a hook that looks at the clock every so many instructions. When the time
 * is over the hook fails at every instruction, in every coroutine, so that no `pcall` outlives it. C code of Lua's own libraries is not
 * looked into: who stays in there is killed with the process.
 */
import type { Clock } from "../../../base/clock.ts";
import { Failure } from "../../../base/errors.ts";
import { LOOK_INSTRUCTIONS, LUA_BYTES_MAX, MESSAGE_CHARS_MAX, REQUEST_ROOM_BYTES } from "./limits.ts";
import { type LuaAllocator, openAllocator } from "./lua-allocator.ts";
import { ERROR_MEMORY, type LuaModule, MASK_COUNT, STRING } from "./lua-module.ts";

const SCRATCH_BYTES = 256;
const TIME_IS_OVER = "the time for a decision is over";

export class LuaState {
  readonly lua: LuaModule;
  readonly #clock: Clock;
  readonly #allocator: LuaAllocator;
  /** For names, and for lengths that come back. */
  readonly #scratch: number;
  #state = 0;
  #endMs = Number.POSITIVE_INFINITY;
  #isOver = false;

  constructor(lua: LuaModule, clock: Clock) {
    this.lua = lua;
    this.#clock = clock;
    this.#scratch = lua.call.malloc(SCRATCH_BYTES);
    this.#allocator = openAllocator(lua, (state) => this.#look(state));
  }

  /** The `lua_State`; another one after `reopen`. */
  get at(): number {
    return this.#state;
  }

  get usedBytes(): number {
    return this.#allocator.used.value;
  }

  /** An empty state with the libraries that touch nothing outside. */
  reopen(): void {
    const { lua } = this;
    if (this.#state !== 0) lua.call.lua_close(this.#state);
    this.#allocator.used.value = 0;
    this.#allocator.max.value = LUA_BYTES_MAX + REQUEST_ROOM_BYTES;
    this.#state = lua.call.lua_newstate(this.#allocator.allocate, 0);
    if (this.#state === 0) throw new Failure("gateway.rule_memory", "no memory for a Lua state");
    const { at } = this;
    lua.call.luaopen_base(at);
    lua.call.lua_settop(at, 0);
    for (const name of ["coroutine", "math", "string", "table", "utf8"] as const) {
      lua.call[`luaopen_${name}`](at);
      this.withName(name, (place) => lua.call.lua_setglobal(at, place));
    }
  }

  /** Compiles a text (never bytecode) and leaves its function on the stack. */
  load(source: Uint8Array, name: string): void {
    const { at, lua } = this;
    const place = lua.call.malloc(source.byteLength + 1);
    lua.bytes.set(source, place);
    const result = this.withName(`@${name}\0t`, (names) => {
      const mode = names + Buffer.byteLength(name) + 2;
      return lua.call.luaL_loadbufferx(at, place, source.byteLength, names, mode);
    });
    lua.call.free(place);
    if (result !== 0) throw this.#failure(result);
  }

  /** Calls what lies on the stack under its arguments. Fails with `gateway.rule_failed`, `_timeout` or `_memory`, and an empty stack. */
  call(args: number, results: number, timeoutMs: number): void {
    const { at, lua } = this;
    this.#isOver = false;
    this.#endMs = this.#clock.monotonic() + timeoutMs;
    this.#allocator.max.value = LUA_BYTES_MAX;
    lua.call.lua_sethook(at, this.#allocator.look, MASK_COUNT, LOOK_INSTRUCTIONS);
    const result = lua.call.lua_pcallk(at, args, results, 0, 0, 0);
    lua.call.lua_sethook(at, 0, 0, 0);
    this.#allocator.max.value = LUA_BYTES_MAX + REQUEST_ROOM_BYTES;
    if (result !== 0 || this.#isOver) throw this.#failure(result);
  }

  /** Where the bytes of a text on the stack lie; its length is `lengthRead` then. It must be a text, or a number of no further use. */
  textAt(index: number): number {
    return this.lua.call.lua_tolstring(this.at, index, this.#scratch);
  }

  get lengthRead(): number {
    return this.lua.bytes.readUInt32LE(this.#scratch);
  }

  withName<T>(name: string, use: (place: number) => T): T {
    const bytes = Buffer.from(`${name}\0`);
    const isShort = bytes.length <= SCRATCH_BYTES;
    const place = isShort ? this.#scratch : this.lua.call.malloc(bytes.length);
    this.lua.bytes.set(bytes, place);
    const result = use(place);
    if (!isShort) this.lua.call.free(place);
    return result;
  }

  #look(state: number): void {
    if (this.#clock.monotonic() < this.#endMs) return;
    this.#isOver = true;
    const { lua } = this;
    lua.call.lua_sethook(state, this.#allocator.look, MASK_COUNT, 1);
    this.withName(TIME_IS_OVER, (place) => lua.call.lua_pushlstring(state, place, TIME_IS_OVER.length));
    lua.call.lua_error(state); // does not come back
  }

  #failure(result: number): Failure {
    const says = this.#message();
    this.lua.call.lua_settop(this.at, 0);
    if (this.#isOver) return new Failure("gateway.rule_timeout", TIME_IS_OVER);
    if (result === ERROR_MEMORY)
      return new Failure("gateway.rule_memory", `more than ${LUA_BYTES_MAX / 2 ** 20} MiB of memory are not allowed`);
    return new Failure("gateway.rule_failed", says);
  }

  #message(): string {
    const { at, lua } = this;
    if (lua.call.lua_gettop(at) === 0 || lua.call.lua_type(at, -1) !== STRING) return "it threw what is no text";
    const place = this.textAt(-1);
    const end = place + Math.min(this.lengthRead, 4 * MESSAGE_CHARS_MAX);
    return lua.bytes.toString("utf8", place, end).slice(0, MESSAGE_CHARS_MAX);
  }
}

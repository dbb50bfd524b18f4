/**
 * Lua 5.4 as WebAssembly (wasmoon's file), by its C API: numbers go in and out, bytes lie in the module's memory. Of wasmoon only that file
 * is used. Its objects make tables of proxies, which costs ten times as much as a decision; its loader wraps each function in checks and
 * gives the module files, an environment and programs. Here it gets what Lua needs to fail and to grow, and nothing of the machine.
 */
import wasmFile from "wasmoon/dist/glue.wasm" with { type: "file" };
import type { Clock } from "../../../base/clock.ts";
import { Failure } from "../../../base/errors.ts";
import { MODULE_BYTES_MAX } from "./limits.ts";

/** What the file exports, as far as it is used. */
export interface LuaFunctions {
  malloc(bytes: number): number;
  free(at: number): void;
  realloc(at: number, bytes: number): number;
  lua_newstate(allocate: number, data: number): number;
  lua_close(state: number): void;
  lua_settop(state: number, index: number): void;
  lua_gettop(state: number): number;
  lua_checkstack(state: number, places: number): number;
  lua_pushvalue(state: number, index: number): void;
  lua_pushnil(state: number): void;
  lua_pushnumber(state: number, value: number): void;
  lua_pushinteger(state: number, value: bigint): void;
  lua_pushboolean(state: number, value: number): void;
  lua_pushlstring(state: number, at: number, bytes: number): number;
  lua_createtable(state: number, list: number, fields: number): void;
  lua_rawset(state: number, index: number): void;
  lua_rawget(state: number, index: number): number;
  lua_next(state: number, index: number): number;
  lua_type(state: number, index: number): number;
  lua_toboolean(state: number, index: number): number;
  lua_tonumberx(state: number, index: number, isNumber: number): number;
  lua_tolstring(state: number, index: number, length: number): number;
  lua_getglobal(state: number, name: number): number;
  lua_setglobal(state: number, name: number): void;
  lua_setmetatable(state: number, index: number): number;
  lua_pcallk(state: number, args: number, results: number, handler: number, context: number, next: number): number;
  lua_sethook(state: number, hook: number, mask: number, count: number): void;
  lua_error(state: number): number;
  luaL_loadbufferx(state: number, at: number, bytes: number, name: number, mode: number): number;
  luaopen_base(state: number): number;
  luaopen_coroutine(state: number): number;
  luaopen_math(state: number): number;
  luaopen_string(state: number): number;
  luaopen_table(state: number): number;
  luaopen_utf8(state: number): number;
}

/** Of the compiler that made the file: its stack, and how it comes back from where C would jump. */
interface CompilerFunctions {
  readonly memory: WebAssembly.Memory;
  readonly __indirect_function_table: WebAssembly.Table;
  emscripten_stack_init(): void;
  __wasm_call_ctors(): void;
  stackSave(): number;
  stackRestore(at: number): void;
  setThrew(threw: number, value: number): void;
}

/** As `lua.h` numbers them. */
export const NIL = 0;
export const BOOLEAN = 1;
export const NUMBER = 3;
export const STRING = 4;
export const TABLE = 5;
export const FUNCTION = 6;
export const ERROR_MEMORY = 4;
export const MASK_COUNT = 8;

/** What stands for a jump of C: thrown out of the module, and caught where Lua has called with protection. */
const JUMP = Symbol("a jump of C");
const PAGE_BYTES = 65_536;
const SUCCESS = 0;

type InTable = (first: number, second: number) => void;

export class LuaModule {
  readonly call: LuaFunctions;
  readonly #compiled: CompilerFunctions;
  /** Functions of the module's table, which are dear to get out of it. */
  readonly #byNumber: (InTable | undefined)[] = [];
  #bytes: Buffer;

  private constructor(clock: Clock, module: WebAssembly.Module) {
    const { exports } = new WebAssembly.Instance(module, this.#imports(clock, module));
    this.call = exports as unknown as LuaFunctions; // as its names say
    this.#compiled = exports as unknown as CompilerFunctions;
    this.#bytes = Buffer.from(this.#compiled.memory.buffer);
    this.#compiled.emscripten_stack_init();
    this.#compiled.__wasm_call_ctors();
  }

  static async open(clock: Clock): Promise<LuaModule> {
    const path: string = wasmFile;
    return new LuaModule(clock, await WebAssembly.compile(await Bun.file(path).bytes()));
  }

  /** The module's memory; another one each time it has grown. */
  get bytes(): Buffer {
    return this.#bytes;
  }

  /** Gives a function of WebAssembly a number that C calls it by. */
  addFunction(callee: unknown): number {
    const { __indirect_function_table: table } = this.#compiled;
    const number = table.grow(1);
    table.set(number, callee);
    return number;
  }

  #imports(clock: Clock, module: WebAssembly.Module): Bun.WebAssembly.Imports {
    const given: Record<string, (...numbers: number[]) => unknown> = {
      invoke_vii: (number, first, second) => this.#invoke(number!, first!, second!),
      _emscripten_throw_longjmp: () => {
        throw JUMP;
      },
      emscripten_resize_heap: (bytes) => (this.#grow(bytes! >>> 0) ? 1 : 0),
      emscripten_date_now: () => clock.now(), // Lua makes the seed of its hashes of it
      _emscripten_get_now_is_monotonic: () => 1,
      environ_sizes_get: (countAt, bytesAt) => this.#noEnvironment(countAt!, bytesAt!),
      environ_get: () => SUCCESS,
    };
    const imports: Record<string, Bun.WebAssembly.ModuleImports> = {};
    for (const { module: from, name } of WebAssembly.Module.imports(module)) {
      imports[from] ??= {};
      imports[from][name] = given[name] ?? refused(name);
    }
    return imports;
  }

  /** A call that a jump ends. */
  #invoke(number: number, first: number, second: number): void {
    const { setThrew, stackRestore, stackSave } = this.#compiled;
    const place = stackSave();
    try {
      this.#inTable(number)(first, second);
    } catch (thrown) {
      stackRestore(place);
      if (thrown !== JUMP) throw thrown;
      setThrew(1, 0);
    }
  }

  #inTable(number: number): InTable {
    let found = this.#byNumber[number];
    if (found === undefined) {
      found = this.#compiled.__indirect_function_table.get(number) as InTable;
      this.#byNumber[number] = found;
    }
    return found;
  }

  #grow(bytes: number): boolean {
    const { memory } = this.#compiled;
    const missing = bytes - this.#bytes.byteLength;
    if (bytes > MODULE_BYTES_MAX) return false;
    try {
      memory.grow(Math.ceil(missing / PAGE_BYTES));
    } catch {
      return false; // Lua says that there is no memory
    }
    this.#bytes = Buffer.from(memory.buffer);
    return true;
  }

  #noEnvironment(countAt: number, bytesAt: number): number {
    const memory = Buffer.from(this.#compiled.memory.buffer);
    memory.writeUInt32LE(0, countAt);
    memory.writeUInt32LE(0, bytesAt);
    return SUCCESS;
  }
}

/** Files, programs, time zones: nothing of ours asks for them. */
function refused(name: string): () => never {
  return () => {
    throw new Failure("gateway.rule_broken", `Lua asked for ${name}; required is that it asks for nothing outside`);
  };
}

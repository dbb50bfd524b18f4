/**
 * The allocator of one Lua state: it counts what the state holds and refuses what goes beyond the limit. Lua allocates some thirty times for a
 * decision, so the counting is a function of WebAssembly beside Lua's: nothing crosses into JavaScript. The bytes below are that function:
 *
 *     (import "lua" "realloc" (func $realloc (param i32 i32) (result i32)))
 *     (import "lua" "free" (func $free (param i32)))
 *     (import "host" "look" (func $look (param i32 i32)))
 *     (global $used (export "used") (mut i32) (i32.const 0))
 *     (global $max (export "max") (mut i32) (i32.const 0))
 *     (export "look" (func $look))
 *     (func (export "allocate") (param $data i32) (param $at i32) (param $held i32) (param $bytes i32) (result i32) (local $next i32) …)
 *
 * `look` goes through it because C can only be given functions of WebAssembly.
 */
import type { LuaFunctions, LuaModule } from "./lua-module.ts";

/** Lua's `lua_Alloc`: gives bytes, other bytes in place of held ones, or none; 0 where it refuses. */
export interface LuaAllocator {
  /** Numbers that C calls the functions by. */
  readonly allocate: number;
  readonly look: number;
  readonly used: WebAssembly.Global<"i32">;
  readonly max: WebAssembly.Global<"i32">;
}

const I32 = 0x7f;
const FUNCTION = 0x60;
/** Kinds of imports and exports. */
const OF_FUNCTION = 0;
const OF_GLOBAL = 3;
const MUTABLE = 1;

const [GET, SET, TEE, GET_GLOBAL, SET_GLOBAL, CONSTANT] = [0x20, 0x21, 0x22, 0x23, 0x24, 0x41];
const [IF, END, RETURN, CALL, SELECT] = [0x04, 0x0b, 0x0f, 0x10, 0x1b];
const [IS_ZERO, IS_ABOVE, ADD, SUBTRACT, OR] = [0x45, 0x4b, 0x6a, 0x6b, 0x72];
const NO_VALUE = 0x40;

/** Functions by their order: imported ones first. */
const [REALLOC, FREE, LOOK, ALLOCATE] = [0, 1, 2, 3];
const [USED, MAX] = [0, 1];
const [AT, HELD, BYTES, NEXT] = [1, 2, 3, 4];

const BODY = [
  ...[1, 1, I32], // one local: next
  // held = at == 0 ? 0 : held, for of new objects it is their type
  ...[CONSTANT, 0, GET, HELD, GET, AT, IS_ZERO, SELECT, SET, HELD],
  // if bytes == 0: used -= held, free(at), return 0
  ...[GET, BYTES, IS_ZERO, IF, NO_VALUE],
  ...[GET_GLOBAL, USED, GET, HELD, SUBTRACT, SET_GLOBAL, USED, GET, AT, CALL, FREE, CONSTANT, 0, RETURN, END],
  // next = used - held + bytes
  ...[GET_GLOBAL, USED, GET, HELD, SUBTRACT, GET, BYTES, ADD, SET, NEXT],
  // if bytes > held and (bytes > max or next > max): return 0; the first of both, for next may have gone round
  ...[GET, BYTES, GET, HELD, IS_ABOVE, IF, NO_VALUE],
  ...[GET, BYTES, GET_GLOBAL, MAX, IS_ABOVE, GET, NEXT, GET_GLOBAL, MAX, IS_ABOVE, OR, IF, NO_VALUE],
  ...[CONSTANT, 0, RETURN, END, END],
  // at = realloc(at, bytes); if at != 0: used = next; return at
  ...[GET, AT, GET, BYTES, CALL, REALLOC, TEE, AT, IF, NO_VALUE, GET, NEXT, SET_GLOBAL, USED, END, GET, AT, END],
];

const BINARY = new Uint8Array([
  ...[0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
  ...section(1, [
    [FUNCTION, 2, I32, I32, 1, I32],
    [FUNCTION, 1, I32, 0],
    [FUNCTION, 2, I32, I32, 0],
    [FUNCTION, 4, I32, I32, I32, I32, 1, I32],
  ]),
  ...section(2, [
    [...name("lua"), ...name("realloc"), OF_FUNCTION, REALLOC],
    [...name("lua"), ...name("free"), OF_FUNCTION, FREE],
    [...name("host"), ...name("look"), OF_FUNCTION, LOOK],
  ]),
  ...section(3, [[ALLOCATE]]), // the number of its type
  ...section(6, [
    [I32, MUTABLE, CONSTANT, 0, END],
    [I32, MUTABLE, CONSTANT, 0, END],
  ]),
  ...section(7, [
    [...name("allocate"), OF_FUNCTION, ALLOCATE],
    [...name("look"), OF_FUNCTION, LOOK],
    [...name("used"), OF_GLOBAL, USED],
    [...name("max"), OF_GLOBAL, MAX],
  ]),
  ...section(10, [[...short(BODY.length), ...BODY]]),
]);

/** Functions of WebAssembly, to be called by C and by tests. */
export interface CountingFunctions {
  allocate(data: number, at: number, held: number, bytes: number): number;
  look(state: number, debug: number): void;
  readonly used: WebAssembly.Global<"i32">;
  readonly max: WebAssembly.Global<"i32">;
}

/** `look` is Lua's hook. It may throw what the module has thrown. */
export function openAllocator(lua: LuaModule, look: (state: number) => void): LuaAllocator {
  const { allocate, look: hook, max, used } = countingFunctions(lua.call, look);
  return { allocate: lua.addFunction(allocate), look: lua.addFunction(hook), used, max };
}

export function countingFunctions(
  { free, realloc }: Pick<LuaFunctions, "free" | "realloc">,
  look: (state: number) => void,
): CountingFunctions {
  const imports = { lua: { realloc, free }, host: { look } };
  const { exports } = new WebAssembly.Instance(new WebAssembly.Module(BINARY), imports);
  return exports as unknown as CountingFunctions; // as the sections above say
}

/** All here is short: a length is one byte. */
function section(id: number, items: readonly (readonly number[])[]): readonly number[] {
  const bytes = [...short(items.length), ...items.flat()];
  return [id, ...short(bytes.length), ...bytes];
}

function name(text: string): readonly number[] {
  return [...short(text.length), ...Buffer.from(text)];
}

/** LEB128 of what is below 2^14. */
function short(value: number): readonly number[] {
  return value < 0x80 ? [value] : [(value & 0x7f) | 0x80, value >> 7];
}

/** Asks the kernel whether the clock follows a time server: adjtimex(2) with nothing to set, which anybody may call. */
import type { SynchronisationFacts } from "./judge-machine.ts";

/** struct timex of 64-bit Linux has 208 bytes; the call changes nothing where `modes`, its first field, is 0. */
const TIMEX_BYTES = 256;
const ERROR_MAX_AT = 24;
const STATUS_AT = 40;
const STATUS_UNSYNCHRONISED = 0x40;
/** The call's answer when the kernel takes the clock for wrong. */
const TIME_ERROR = 5;
const MICROSECONDS = 1000;

const LIBRARIES = ["libc.so.6", "libc.so"] as const;

/** Undefined where it cannot be asked: another system, a 32-bit one, or a sandbox that forbids it. */
export async function kernelSynchronisation(): Promise<SynchronisationFacts | undefined> {
  if (process.platform !== "linux" || (process.arch !== "x64" && process.arch !== "arm64")) return undefined;
  const { ptr } = await import("bun:ffi");
  const library = await openLibrary();
  if (!library) return undefined;
  try {
    const timex = new DataView(new ArrayBuffer(TIMEX_BYTES));
    const state = library.symbols.adjtimex(ptr(timex));
    return state < 0 ? undefined : readTimex(timex, state);
  } finally {
    library.close();
  }
}

async function openLibrary() {
  const { dlopen } = await import("bun:ffi");
  for (const name of LIBRARIES) {
    try {
      return dlopen(name, { adjtimex: { args: ["ptr"], returns: "i32" } });
    } catch {
      // the C library of this machine has another name
    }
  }
  return undefined;
}

export function readTimex(timex: DataView, state: number): SynchronisationFacts {
  const unsynchronised = (timex.getInt32(STATUS_AT, true) & STATUS_UNSYNCHRONISED) !== 0;
  const errorMsMax = Number(timex.getBigInt64(ERROR_MAX_AT, true)) / MICROSECONDS;
  return { synchronised: !unsynchronised && state !== TIME_ERROR, errorMsMax };
}

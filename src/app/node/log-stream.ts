/**
 * A log on standard output or standard error. A reader that takes nothing keeps neither work nor memory: what is beyond a bound is dropped, and
 * that is told. By the names of its devices it is the same: a write to these would wait for the reader, and everything with it.
 */

/** A reader that is a second behind at full load, and some more. */
const WAITING_CHARS_MAX = 16 * 1024 * 1024;

/** As much of a stream as is needed. */
export interface LogStream {
  write(text: string, taken: () => void): unknown;
}

export type StandardStream = "standard output" | "standard error";

const STREAMS: Readonly<Record<string, StandardStream>> = {
  "-": "standard output",
  "/dev/stdout": "standard output",
  "/dev/fd/1": "standard output",
  "/proc/self/fd/1": "standard output",
  "/dev/stderr": "standard error",
  "/dev/fd/2": "standard error",
  "/proc/self/fd/2": "standard error",
};

/** Which stream a place for a log is; undefined: none, but a file. */
export function standardStreamOf(place: string): StandardStream | undefined {
  return Object.hasOwn(STREAMS, place) ? STREAMS[place] : undefined;
}

export function openLogStream(
  name: StandardStream,
  what: string,
  warn: (text: string) => void,
  stream: LogStream = name === "standard output" ? process.stdout : process.stderr,
): (text: string) => void {
  let waiting = 0;
  let dropped = 0;
  return (text) => {
    if (waiting + text.length > WAITING_CHARS_MAX) {
      if (dropped === 0) warn(`nobody reads the ${what} on ${name}; what comes now is dropped`);
      dropped += text.length;
      return;
    }
    if (dropped > 0) warn(`the ${what} on ${name} goes on; ${dropped} characters were dropped`);
    dropped = 0;
    waiting += text.length;
    stream.write(text, () => {
      waiting -= text.length;
    });
  };
}

/**
 * Where lines of the access log go: standard output (`-`), or a file that is put aside when it is full. A reader of standard output that
 * takes nothing keeps neither requests nor memory: what is beyond a bound is dropped, and that is told.
 */
import { openLogFile } from "../node/log-file.ts";
import { requireLogFolder, STANDARD_OUTPUT } from "./log-places.ts";

/** Some 400,000 requests in each of five. */
const FILE_BYTES_MAX = 128 * 1024 * 1024;
/** A reader that is a second behind at full load, and some more. */
const WAITING_CHARS_MAX = 16 * 1024 * 1024;

/** As much of standard output as is needed. */
export interface LogStream {
  write(text: string, taken: () => void): unknown;
}

/** Fails with `gateway.config.log_folder` and `usage.log_file`. */
export function openAccessLog(
  place: string,
  warn: (text: string) => void,
  stdout: LogStream = process.stdout,
): (text: string) => void {
  if (place === STANDARD_OUTPUT) return toStream(stdout, warn);
  requireLogFolder("access_log", place);
  return openLogFile(place, { warn, fileBytesMax: FILE_BYTES_MAX, option: "access_log" });
}

function toStream(stream: LogStream, warn: (text: string) => void): (text: string) => void {
  let waiting = 0;
  let dropped = 0;
  return (text) => {
    if (waiting + text.length > WAITING_CHARS_MAX) {
      if (dropped === 0) warn("nobody reads the access log on standard output; what comes now is dropped");
      dropped += text.length;
      return;
    }
    if (dropped > 0) warn(`the access log on standard output goes on; ${dropped} characters were dropped`);
    dropped = 0;
    waiting += text.length;
    stream.write(text, () => {
      waiting -= text.length;
    });
  };
}

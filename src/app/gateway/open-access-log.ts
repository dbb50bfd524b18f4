/** Where lines of the access log go: standard output or error, or a file that is put aside when it is full. */
import { type LogWriter, openLogFile } from "../node/log-file.ts";
import { type LogStream, openLogStream, standardStreamOf } from "../node/log-stream.ts";
import { requireLogPlace } from "./log-places.ts";

/** Some 400,000 requests in each of five. */
const FILE_BYTES_MAX = 128 * 1024 * 1024;

/** Fails with `gateway.config.log_folder` and `usage.log_file`. */
export function openAccessLog(place: string, warn: (text: string) => void, stream?: LogStream): LogWriter {
  const standard = standardStreamOf(place);
  if (standard) return Object.assign(openLogStream(standard, "access log", warn, stream), { close: () => {} });
  requireLogPlace("access_log", place);
  return openLogFile(place, { warn, fileBytesMax: FILE_BYTES_MAX, option: "access_log" });
}

/** Plugins in processes of their own: the words between daemon and host, both ends, and the loader. */

export { runPluginHost } from "./host.ts";
export {
  type HostCommand,
  type HostExit,
  type HostHandlers,
  HostProcess,
  type HostSegments,
} from "./host-process.ts";
export { definitionFault, IDENTITY_LIBRARY, loadPlugin, provideSdk } from "./loader.ts";
export type {
  Counts,
  DeadRow,
  DoneMessage,
  FailedMessage,
  FromHost,
  LoadedMessage,
  NeedMessage,
  Place,
  ProcessMessage,
  RowRange,
} from "./messages.ts";
export { alignedBytes } from "./messages.ts";

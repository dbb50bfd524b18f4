/** Plugins in processes of their own: the words between daemon and host, both ends, and the loader. */

export { runPluginHost } from "./host.ts";
export { HostChild, type HostCommand, type HostExit, type HostSegments } from "./host-child.ts";
export { type HostHandlers, type HostOptions, HostProcess } from "./host-process.ts";
export { LineChannel, type LineHandlers } from "./line-channel.ts";
export { definitionFault, IDENTITY_LIBRARY, loadPlugin, provideSdk } from "./loader.ts";
export type {
  Carried,
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
  StateMessage,
  ToHost,
} from "./messages.ts";
export { alignedBytes } from "./messages.ts";

/** The services of this node, in processes of their own. */
export { findServices } from "./find-services.ts";
export { LocalServices } from "./local-services.ts";
export { refusalOf } from "./may-invoke.ts";
export type {
  CachedUnder,
  FaultOfFile,
  HostRequest,
  LoadHost,
  LocalPorts,
  LocalSettings,
  ProcessStatus,
  RescanReport,
  ServiceCache,
  ServiceNotice,
  ServiceState,
  ServiceStatus,
} from "./types.ts";

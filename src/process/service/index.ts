/** Services in processes of their own: both ends of the conversation. */
export { runServiceHost } from "./host.ts";
export type {
  DiscoverQuery,
  Invalidation,
  LoadedService,
  LoadServiceProcess,
  ServiceHandlers,
  ServiceLoadOptions,
  ServiceLogLevel,
  ServiceLogLine,
  ServiceProcessPort,
} from "./ports.ts";
export { ServiceProcess } from "./service-process.ts";
export { VERSION_FORM } from "./version-form.ts";
export type {
  BroadcastAnswer,
  CachePolicy,
  Fallback,
  HttpEndpoint,
  HttpVerb,
  MethodDescription,
  OutgoingServiceCall,
  ServiceCall,
  ServiceCaller,
  ServiceDescription,
  ServicePlace,
} from "./words.ts";

/** Services in processes of their own: both ends of the conversation. */
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

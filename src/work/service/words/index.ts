/** What the parts of the service framework say to each other. */
export type {
  DoorCall,
  FoundEndpoint,
  Invocation,
  LocalPort,
  NodeOffers,
  ServiceDoor,
  ServiceOffer,
} from "./types.ts";

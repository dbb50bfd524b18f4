/** What the parts of the service framework say to each other. */
export { hasScope, isStranger, methodsTold, refusalOfStranger } from "./strangers.ts";
export type {
  DoorCall,
  FoundEndpoint,
  Invocation,
  LocalPort,
  NodeOffers,
  ServiceDoor,
  ServiceOffer,
} from "./types.ts";

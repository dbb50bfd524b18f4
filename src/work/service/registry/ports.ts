/** What the registry needs of the node that it lives in. */
import type { Clock } from "../../../base/clock.ts";
import type { Random } from "../../../base/random.ts";
import type { PeerLink } from "../../../wire/link/index.ts";
import type { LocalPort } from "../words/index.ts";

/** As much of a link as is used. */
export type OffersLink = Pick<PeerLink, "isOpen" | "closed" | "notify" | "request" | "drained" | "peer">;

export interface RegistryPorts {
  /** This node; another instance in each life of its process. */
  readonly self: { readonly id: string; readonly instance: string };
  readonly clock: Clock;
  readonly random: Random;
  readonly local: Pick<LocalPort, "offers" | "onChange">;
  /** Ids of the other members that are not given up: alive, or only suspected. */
  members(): readonly string[];
  /** Told when a node becomes a member, and when it is dead, has left or is given up. The function given back ends it. */
  onMember(hear: (node: string, isMember: boolean) => void): () => void;
  /** The link to that member; opened where there is none. */
  linkTo(node: string): Promise<OffersLink>;
  /** The link that is there, if one is. */
  linkOf(node: string): OffersLink | undefined;
  /** For logs: what came from others and was refused, what could not be sent. */
  warn(message: string): void;
}

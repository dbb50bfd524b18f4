/** What the membership tells, as events for people. */
import { formatAddress } from "../../base/address.ts";
import type { MembershipEvent } from "../../cluster/membership/index.ts";
import type { NewEvent } from "./event-ring.ts";

const WORDS = {
  join: "is a member",
  leave: "is gone",
  suspect: "is suspected",
  alive: "is alive after all",
  update: "has told news of itself",
} as const;

export function memberEvent(event: MembershipEvent, self: string): NewEvent {
  switch (event.kind) {
    case "up":
      return { level: "info", kind: "partition", subject: self, text: `this side is up: ${event.reason}` };
    case "down":
      return { level: "error", kind: "partition", subject: self, text: `this side is down: ${event.reason}` };
    case "joined":
      return { level: "info", kind: "member", subject: self, text: `joined through ${formatAddress(event.through)}` };
    case "yielded":
      return {
        level: "error",
        kind: "member",
        subject: self,
        text: `another process runs under this id at ${formatAddress(event.to.address)}`,
      };
    default: {
      const isFault = event.kind === "suspect" || (event.kind === "leave" && event.reason !== "left");
      const by = event.by === undefined ? "" : `, found out by ${event.by}`;
      const why = event.reason === "" ? "" : `: ${event.reason}`;
      const text = `${WORDS[event.kind]}${why}${by}`;
      return { level: isFault ? "warn" : "info", kind: "member", subject: event.member.id, text };
    }
  }
}

/** What a master and its workers say to each other in the scenarios of leases, and what the work is. */
import { textTag } from "../world/index.ts";

export type LeaseMessage =
  /** A worker, or its link, is new; `leases`: what it is at already. */
  | { readonly type: "hello"; readonly life: number; readonly capacity: number; readonly leases: readonly number[] }
  /** The master does not know whose report that was. */
  | { readonly type: "who" }
  | { readonly type: "report"; readonly life: number; readonly leases: readonly number[] }
  | { readonly type: "give"; readonly lease: number; readonly content: number; readonly isLastResort: boolean }
  | { readonly type: "stop"; readonly lease: number }
  | { readonly type: "done"; readonly lease: number; readonly result: number }
  | { readonly type: "failed"; readonly lease: number; readonly elsewhere: boolean };

/** What an item holds; of every `POISONED_EVERY` items one fails wherever it is tried. */
export function contentOf(item: number): number {
  return textTag(`item ${item}`);
}

export function resultOf(content: number): number {
  return textTag(`result of ${content}`);
}

const POISONED_EVERY = 40;

export function isPoisoned(content: number): boolean {
  return (content >>> 0) % POISONED_EVERY === 0;
}

export function tagOfLease(message: LeaseMessage): number {
  return textTag(describeLease(message));
}

export function describeLease(message: LeaseMessage): string {
  switch (message.type) {
    case "hello":
      return `hello, life ${message.life}, at ${message.leases.join(" ")}`;
    case "who":
      return "who are you";
    case "report":
      return `report, at ${message.leases.join(" ")}`;
    case "give":
      return `give ${message.lease}: ${message.content}${message.isLastResort ? " last" : ""}`;
    case "stop":
      return `stop ${message.lease}`;
    case "done":
      return `done ${message.lease}: ${message.result}`;
    case "failed":
      return `failed ${message.lease}${message.elsewhere ? " elsewhere" : ""}`;
  }
}

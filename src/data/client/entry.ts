/** What the structures give: entries and events with values as they are, no longer as JSON tells them. */
import type { OutputOf } from "../../wire/rpc/index.ts";
import { fromWire, type mapContract, type WireValue } from "../contract/index.ts";
import type { Entry, MapEvent } from "../words/index.ts";

type Methods = typeof mapContract.methods;
type ToldEntry = NonNullable<OutputOf<Methods["get"]>["entry"]>;
type ToldEvent = OutputOf<Methods["watch"]>["events"][number];

export function entryFrom(told: ToldEntry): Entry {
  return { ...told, value: fromWire(told.value as WireValue) };
}

export function eventFrom(told: ToldEvent): MapEvent {
  return { ...told, entry: entryFrom(told.entry) };
}

export function optionalEntry(told: ToldEntry | undefined): Entry | undefined {
  return told && entryFrom(told);
}

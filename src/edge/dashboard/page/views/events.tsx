/** All events that the node keeps, by kind when that is asked for. */
import { useState } from "preact/hooks";
import { Section } from "../parts/bits.tsx";
import { useBoard } from "../state/board.ts";
import { EventList } from "./event-list.tsx";

export function Events() {
  const { live } = useBoard();
  const [kind, setKind] = useState("");
  const { events } = live.events;
  const kinds = [...new Set(events.map((event) => event.kind))].sort();
  const shown = kind === "" ? events : events.filter((event) => event.kind === kind);
  const choice = (
    <label class="inline">
      Kind
      <select value={kind} onChange={(event) => setKind(event.currentTarget.value)}>
        <option value="">all</option>
        {kinds.map((each) => (
          <option key={each} value={each}>
            {each}
          </option>
        ))}
      </select>
    </label>
  );
  return (
    <Section id="events-title" title="Events" aside={choice}>
      <EventList events={shown} />
    </Section>
  );
}

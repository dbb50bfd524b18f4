/** Events as a list, the latest first; new ones are read out politely. */
import type { EventView } from "../../words.ts";

export function EventList({ events }: { readonly events: readonly EventView[] }) {
  if (events.length === 0) return <p class="empty">Nothing has happened since this node started.</p>;
  return (
    <ol class="events" aria-live="polite" aria-relevant="additions">
      {events.toReversed().map(({ atMs, id, kind, level, subject, text }) => (
        <li key={id} class={level}>
          <time dateTime={new Date(atMs).toISOString()}>{timeText(atMs)}</time>
          <span class="kind">{kind}</span>
          <b class="subject mono">{subject}</b>
          <span class="text">{text}</span>
        </li>
      ))}
    </ol>
  );
}

function timeText(atMs: number): string {
  return new Date(atMs).toLocaleTimeString([], { hour12: false });
}

/** What conversions leave out of messages because no descriptor knows it: counted for the route, and noted in the log by where it stood. */
import type { DroppedFrom } from "../convert/index.ts";
import type { Passage } from "./words.ts";

/** Different places that one request's note tells: clients choose these names, and a note is one line's. */
const NAMES_MAX = 16;
/** Of one name: deep ones are told by where they begin. */
const NAME_CHARS_MAX = 120;

interface Note {
  /** How many were left out. */
  dropped: number;
  readonly fields: string[];
}

/** Counts for one request; its note stands in the log as soon as there is something to say, and grows with a socket's messages. */
export function dropping(passage: Passage): (path: string, from: DroppedFrom) => void {
  let note: Note | undefined;
  return (path, from) => {
    passage.route?.dropped(from);
    if (note === undefined) {
      note = { dropped: 0, fields: [] };
      passage.notes.push(note);
    }
    note.dropped++;
    if (note.fields.length >= NAMES_MAX) return;
    const name = (from === "reply" ? `reply:${path}` : path).slice(0, NAME_CHARS_MAX);
    if (!note.fields.includes(name)) note.fields.push(name);
  };
}

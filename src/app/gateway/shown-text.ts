/**
 * A text as a log shows it: hidden first, then cut. Half a number of a card at the end would not be known for one, so more is looked at
 * than is shown, and what is behind the last part that was looked at whole is left out.
 */
import { redact } from "../../base/redact.ts";
import type { RoutePlan } from "../../edge/gateway/words/index.ts";
import { PIECE_CHARACTERS_MAX, PIECE_SHOWN_CHARACTERS } from "../../edge/waf/engine/index.ts";
import type { LogText, MaskLog } from "./open-masks.ts";

/** Looked at beyond what is shown. */
const MORE_CHARS = PIECE_CHARACTERS_MAX - PIECE_SHOWN_CHARACTERS;
/** At the end of what was looked at: longer than any number, address or usual token. */
const UNSURE_CHARS = MORE_CHARS / 2;
/** The firewall's sign for what it has left out. */
export const CUT = "…";

/** Of a path or an agent in the access log, or in a span. */
const TEXT_CHARS_MAX = 2_048;

/** What the access log and traces show of a text of a client: without credentials, and without what the file's masks hide in logs of this route. */
export function shownToPeople(
  text: string,
  kind: LogText,
  route: RoutePlan | undefined,
  mask: MaskLog | undefined,
): string {
  return shownText(text, TEXT_CHARS_MAX, (part) => {
    const clean = redact(part);
    return mask ? mask(clean, route, kind) : clean;
  });
}

/** `hide` gives what is to be seen of a text. */
export function shownText(text: string, charsMax: number, hide: (text: string) => string): string {
  const looked = text.slice(0, charsMax + MORE_CHARS);
  const masked = hide(looked);
  const isCut = looked.length < text.length || (text.length > PIECE_CHARACTERS_MAX && text.endsWith(CUT));
  const wholeChars = isCut ? Math.max(0, masked.length - UNSURE_CHARS) : masked.length; // shorter than looked at: much was taken out
  return masked.slice(0, Math.min(wholeChars, charsMax));
}

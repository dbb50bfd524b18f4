/**
 * Foreign text made fit for a terminal: nobody's data may move the cursor, repaint the screen, forge a line or turn text
 * around. Every character is replaced by one of the same length, so that columns and carets stay where they are. Only for
 * what people read: programs get the text as it is.
 */

/** C0 without the tab, and DEL: these have pictures of their own. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what it looks for
const CONTROL = /[\u0000-\u0008\u000a-\u001f\u007f]/g;
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what it looks for
const CONTROL_BUT_NEWLINE = /[\u0000-\u0008\u000b-\u001f\u007f]/g;
/** C1, bidirectional marks, overrides and isolates, zero-width characters, line separators, lone surrogates. */
const UNSHOWABLE = /[\u0080-\u009f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff]|\p{Surrogate}/gu;

const PICTURES = 0x2400;
const DELETE = 0x7f;
const DELETE_PICTURE = "\u2421";

/** One line: a newline is shown as its picture. */
export function printable(text: string): string {
  return text.replace(CONTROL, picture).replace(UNSHOWABLE, "\ufffd");
}

/** Several lines, as in messages of ours that show a place in a file: newlines stay. */
export function printableLines(text: string): string {
  return text.replace(CONTROL_BUT_NEWLINE, picture).replace(UNSHOWABLE, "\ufffd");
}

function picture(char: string): string {
  const code = char.charCodeAt(0);
  return code === DELETE ? DELETE_PICTURE : String.fromCharCode(PICTURES + code);
}

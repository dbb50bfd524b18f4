/** Bounds of a file of lines. They are far beyond what people write, and near enough that a wrong file costs nothing. */

/** A hand-written file of 256 stages is under 100 KiB; a megabyte says that something else was named by mistake. */
export const MAX_FILE_BYTES = 1024 * 1024;

/** Room for a long expression in a parameter; a longer line is a binary file or a lost newline. In UTF-16 units. */
export const MAX_LINE_LENGTH = 64 * 1024;

/** Enough to mend a whole file in one go; a file with more is of another kind. */
export const MAX_FAULTS = 500;

/** Names appear in tables, file names and metrics. */
export const MAX_NAME_LENGTH = 64;

/** Bounds of a pipeline file. They are far beyond what people write, and near enough that a wrong file costs nothing. */

/** Every stage is at least one process of about 35 MB: 256 of them are 9 GB. */
export const MAX_STAGES = 256;

/** Each lane is a process of its own; more than this never pays on one machine. */
export const MAX_LANES = 64;

/** A standby costs as much memory as a lane; more than a few are never used up at once. */
export const MAX_STANDBY = 16;

/** How much of everything in bundles, caches and transfers: each limit with its reason. */

/** Files of one bundle: a plugin of a hundred modules is a large one; past this a whole package tree has been dragged in. */
export const BUNDLE_FILES_MAX = 1_000;
/** One file: a table larger than this does not fit into the memory of a plugin's process either. */
export const FILE_BYTES_MAX = 512 * 2 ** 20;
/** All files of one bundle: one file of the largest kind. */
export const BUNDLE_BYTES_MAX = FILE_BYTES_MAX;
/** A module is read whole and parsed in the daemon to find its imports; generated code of this size is still no surprise. */
export const MODULE_BYTES_MAX = 16 * 2 ** 20;
/** Path of a file inside its bundle: a cache directory before it still keeps the whole below Linux's 4,096 bytes. */
export const PATH_BYTES_MAX = 1_024;
/** One name in a path: what Linux file systems take. */
export const NAME_BYTES_MAX = 255;
/** A name's entry counts folders too: deeper than this nobody nests a plugin. */
export const PATH_DEPTH_MAX = 32;

/** One piece of a file on a link: a frame's worth, so that small messages get in between. */
export const CHUNK_BYTES_MAX = 2 ** 20;
/** Files that one bundle fetches at a time: hides the way there and back, and leaves the link to others. */
export const FETCHES_AT_ONCE = 4;
/** Pieces that a shelf reads at a time: as many MiB of memory, however many workers ask. */
export const READS_AT_ONCE = 64;
/** A piece of a file is one read of a disk: a peer that takes longer is gone or drowned. */
export const FETCH_TIMEOUT_MS = 30_000;

/** What a worker keeps on disk: thousands of plugins, or a few of the largest tables. */
export const CACHE_BYTES_MAX = 4 * 2 ** 30;
/** What a master offers at a time: the same, so that one worker can hold it all. */
export const SHELF_BYTES_MAX = 4 * 2 ** 30;
/** Another process holds the index for the length of a few statements; a machine that swaps may need longer. */
export const INDEX_WAIT_MS = 10_000;

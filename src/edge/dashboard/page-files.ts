/** The files of the page. Loaded when somebody opens it: from source the bundler runs then, and a node that nobody looks at keeps nothing. */
import { pageFiles } from "./page-files.macro.ts" with { type: "macro" };

export const FILES: Readonly<Record<string, string>> = pageFiles();

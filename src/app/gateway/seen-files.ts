/**
 * The rule files of a firewall, as they were when it was loaded: a reload reads them again only where one of them has changed since, by its size,
 * its time or its place, or where a directory of them has got other names. It looks at no contents.
 */
import { statSync } from "node:fs";
import { messageOf } from "../../base/errors.ts";
import type { WafFiles } from "../../edge/waf/engine/index.ts";

export class SeenFiles implements WafFiles {
  readonly #files: WafFiles;
  /** By path, what it was before it was looked into. */
  readonly #seen = new Map<string, string>();

  constructor(files: WafFiles) {
    this.#files = files;
  }

  get isUnchanged(): boolean {
    for (const [path, state] of this.#seen) if (stateOf(path) !== state) return false;
    return true;
  }

  isDirectory(path: string): boolean {
    this.#note(path);
    return this.#files.isDirectory(path);
  }

  list(directory: string): readonly string[] {
    this.#note(directory);
    return this.#files.list(directory);
  }

  read(path: string): string | undefined {
    this.#note(path);
    return this.#files.read(path);
  }

  /** The first look counts: what changes during the load is noticed by the next reload. */
  #note(path: string): void {
    if (!this.#seen.has(path)) this.#seen.set(path, stateOf(path));
  }
}

/** A path that cannot be looked at is in a state of its own: when it can be later, it has changed. */
function stateOf(path: string): string {
  try {
    const stat = statSync(path, { throwIfNoEntry: false, bigint: true });
    return stat === undefined ? "" : `${stat.ino} ${stat.size} ${stat.mtimeNs}`;
  } catch (thrown) {
    return messageOf(thrown);
  }
}

/**
 * Which files a rules directory means, in which order: the rule set's setup first, then all others by their names, as `Include *.conf` would
 * have them, with plugins around the rules as the Core Rule Set documents it. Debian keeps the Core Rule Set's rules and its setup in two places; naming the rules is enough.
 */
import type { RuleFiles } from "../language/index.ts";
import type { WafFiles } from "./words.ts";

/** Where Debian's modsecurity-crs has its setup and the site's own exclusions. */
const DEBIAN_SETUP = "/etc/modsecurity/crs";
const CRS_MARK = "REQUEST-901-INITIALIZATION.conf";
const SETUP_NAMES: readonly string[] = ["crs-setup.conf", "modsecurity.conf"];

/** Of the plugins' files, in this order; `-after.conf` and others come behind the rules. */
const PLUGINS_BEFORE: readonly string[] = ["-config.conf", "-before.conf"];

export interface RuleSources {
  readonly setup: readonly string[];
  readonly rules: readonly string[];
}

/** Empty when there is nothing of that name. */
export function findSources(path: string, files: WafFiles): RuleSources {
  if (!files.isDirectory(path)) return { setup: [], rules: files.read(path) === undefined ? [] : [path] };
  const found = [...confFiles(path, files), ...confFiles(`${path}/rules`, files)];
  const isCrs = found.some((file) => nameOf(file) === CRS_MARK);
  const hasSetup = found.some((file) => SETUP_NAMES.includes(nameOf(file)));
  if (isCrs && !hasSetup) found.push(...confFiles(DEBIAN_SETUP, files));
  const plugins = byName(confFiles(`${path}/plugins`, files));
  const before = PLUGINS_BEFORE.flatMap((end) => plugins.filter((file) => file.endsWith(end)));
  return {
    setup: byName(found.filter((file) => SETUP_NAMES.includes(nameOf(file)))),
    rules: [
      ...before,
      ...byName(found.filter((file) => !SETUP_NAMES.includes(nameOf(file)))),
      ...plugins.filter((file) => !before.includes(file)),
    ],
  };
}

function byName(names: readonly string[]): string[] {
  return names.toSorted((one, other) => compare(nameOf(one), nameOf(other)));
}

function confFiles(directory: string, files: WafFiles): string[] {
  return files
    .list(directory)
    .filter((name) => name.endsWith(".conf"))
    .map((name) => `${directory}/${name}`);
}

function nameOf(file: string): string {
  return file.slice(file.lastIndexOf("/") + 1);
}

/** By bytes: the same order under every locale. */
function compare(one: string, other: string): number {
  if (one === other) return 0;
  return one < other ? -1 : 1;
}

/** The files as the language reads them: `Include` patterns have `*` and `?` in their last piece only. */
export function ruleFiles(files: WafFiles): RuleFiles {
  return {
    read: (path) => files.read(path),
    glob: (pattern) => {
      const slash = pattern.lastIndexOf("/");
      const directory = slash < 0 ? "." : pattern.slice(0, slash);
      const test = globTest(pattern.slice(slash + 1));
      const names = files.list(directory).filter(test);
      return names.sort(compare).map((name) => (slash < 0 ? name : `${directory}/${name}`));
    },
  };
}

function globTest(pattern: string): (name: string) => boolean {
  const source = pattern.replaceAll(/[^*?]/g, (letter) => (/\w/.test(letter) ? letter : `\\${letter}`));
  const test = new RegExp(`^${source.replaceAll("*", ".*").replaceAll("?", ".")}$`);
  return (name) => test.test(name);
}

/**
 * Our firewall beside libmodsecurity3, both with Debian's Core Rule Set, over some 1,500 requests: the same verdicts and the same rules.
 * Where they differ, the rule is in a table with the reason, and how often it may. Skipped where one of them is not installed.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { existsSync, readdirSync } from "node:fs";
import { systemClock } from "../../src/base/clock.ts";
import { seededRandom } from "../../src/base/random.ts";
import { finishAtOnce } from "../../src/base/turns.ts";
import { diskWafFiles, type LoadedWaf, loadWaf } from "../../src/edge/waf/engine/index.ts";
import { settingsText, setupText } from "../../src/edge/waf/engine/setup.ts";
import { LibModSecurity, libmodsecurityPath } from "../support/libmodsecurity.ts";
import { SETTINGS } from "../support/waf.ts";
import { type Sample, wafCorpus } from "../support/waf-corpus.ts";

const CRS = "/usr/share/modsecurity-crs";
const CRS_SETUP = "/etc/modsecurity/crs/crs-setup.conf";
const SEED = 7;
const BENIGN = 400;

const library = libmodsecurityPath();
const missing = [library === undefined ? "libmodsecurity3" : "", existsSync(CRS_SETUP) ? "" : "modsecurity-crs"].filter(
  Boolean,
);
const isSkipped = missing.length > 0 && process.env.CI !== "true";
if (isSkipped) console.log(`skipped: not installed: ${missing.join(", ")}`);

interface Difference {
  readonly reason: string;
  /** At most so many samples of the corpus, at this paranoia level. */
  readonly most: number;
}

/** Rules that may differ, and why; every other rule has to match in exactly the same requests. */
const DIFFERENCES: Readonly<Record<1 | 4, Readonly<Record<number, Difference>>>> = {
  1: {
    942100: {
      reason: "our SQL detector has a grammar of its own instead of libinjection's table of fingerprints",
      most: 14,
    },
    941100: { reason: "our HTML detector decodes references in attributes that libinjection leaves", most: 6 },
    921120: { reason: "libmodsecurity loses line ends inside of multipart fields", most: 2 },
  },
  4: {
    942100: {
      reason: "our SQL detector has a grammar of its own instead of libinjection's table of fingerprints",
      most: 14,
    },
    941100: { reason: "our HTML detector decodes references in attributes that libinjection leaves", most: 6 },
    941101: { reason: "our HTML detector decodes references in attributes that libinjection leaves", most: 4 },
    921120: { reason: "libmodsecurity loses line ends inside of multipart fields", most: 2 },
    932200: { reason: "libmodsecurity loses line ends inside of multipart fields", most: 2 },
    942460: { reason: "libmodsecurity loses line ends inside of multipart fields", most: 2 },
  },
};
/** Verdicts follow from rules: these may differ in so many samples. */
const VERDICTS_MOST = { 1: 6, 4: 2 } as const;

/** Rules that sum up scores and tell of them: libmodsecurity logs them in another way. */
function isEvaluation(id: number): boolean {
  return id === 949110 || id === 959100 || id >= 980000;
}

interface Compared {
  readonly sample: Sample;
  readonly ours: ReadonlySet<number>;
  readonly theirs: ReadonlySet<number>;
  readonly isBlocked: boolean;
  readonly isBlockedThere: boolean;
}

describe.skipIf(isSkipped).each([1, 4] as const)("Waf beside libmodsecurity at paranoia level %d", (paranoia) => {
  let compared: readonly Compared[] = [];

  beforeAll(() => {
    expect(missing).toEqual([]);
    compared = compareAll(paranoia);
  });
  afterAll(() => tabulate(paranoia, compared));

  test("the corpus is large, and both block much of it and pass much of it", () => {
    expect(compared.length).toBeGreaterThanOrEqual(1_500);
    const blocked = compared.filter(({ isBlockedThere }) => isBlockedThere).length;
    expect(blocked).toBeGreaterThan(compared.length / 4);
    expect(blocked).toBeLessThan(compared.length - 100);
  });

  test("Waf comes to the same verdict, but for a bounded number", () => {
    const differing = compared.filter(({ isBlocked, isBlockedThere }) => isBlocked !== isBlockedThere);
    expect(differing.length).toBeLessThanOrEqual(VERDICTS_MOST[paranoia]);
    const unexplained = differing.filter(({ ours, theirs }) => differingIds(ours, theirs).length === 0);
    expect(unexplained.map(({ sample }) => sample.name)).toEqual([]);
  });

  test("Waf matches the same rules, but for those in the table", () => {
    const counts = new Map<number, string[]>();
    for (const { ours, theirs, sample } of compared)
      for (const id of differingIds(ours, theirs)) counts.set(id, [...(counts.get(id) ?? []), sample.name]);
    const allowed = DIFFERENCES[paranoia];
    const beyond = [...counts].filter(([id, names]) => names.length > (allowed[id]?.most ?? 0));
    expect(beyond).toEqual([]);
  });
});

function differingIds(ours: ReadonlySet<number>, theirs: ReadonlySet<number>): number[] {
  return [...ours.symmetricDifference(theirs)];
}

function compareAll(paranoia: number): Compared[] {
  const settings = { ...SETTINGS, rules: CRS, paranoia, bodyBytesMax: 2 ** 20 };
  const ports = { files: diskWafFiles(), clock: systemClock, random: seededRandom(1) };
  const loaded = loadWaf(settings, ports);
  using other = new LibModSecurity(library!);
  other.addRules(
    `SecRuleEngine On\nSecRequestBodyAccess On\n${finishAtOnce(setupText([])).replaceAll(/^SecDefaultAction.*$/gm, "")}`,
  );
  other.addFile(CRS_SETUP);
  other.addRules(settingsText(settings));
  for (const file of readdirSync(`${CRS}/rules`)
    .filter((name) => name.endsWith(".conf"))
    .sort())
    other.addFile(`${CRS}/rules/${file}`);
  return wafCorpus(SEED, BENIGN).map((sample) => compare(sample, loaded, other));
}

function compare(sample: Sample, { waf }: LoadedWaf, other: LibModSecurity): Compared {
  const { request } = sample;
  const opinion = other.ask(request);
  const context = {
    clientAddress: "192.0.2.7",
    clientPort: 40_000,
    serverAddress: "192.0.2.1",
    serverPort: 80,
    route: "r",
  };
  const transaction = waf.transaction(context);
  const { method, target, version } = request;
  let verdict = transaction.requestHead({ method, target, version, authority: "", headers: [...request.headers] });
  if (verdict.kind === "pass") verdict = transaction.requestBody(request.body ?? new Uint8Array(0));
  const ids = transaction.end().matches.map(({ ruleId }) => ruleId);
  return {
    sample,
    ours: new Set(ids.filter((id) => !isEvaluation(id))),
    theirs: new Set(opinion.ruleIds.filter((id) => !isEvaluation(id))),
    isBlocked: verdict.kind === "block",
    isBlockedThere: opinion.status !== 200,
  };
}

/** For people: how well the two agree, by class. */
function tabulate(paranoia: number, compared: readonly Compared[]): void {
  const rows: Record<string, { samples: number; "same verdict": number; "same rules": number; blocked: number }> = {};
  for (const { sample, ours, theirs, isBlocked, isBlockedThere } of compared) {
    rows[sample.kind] ??= { samples: 0, "same verdict": 0, "same rules": 0, blocked: 0 };
    const row = rows[sample.kind]!;
    row.samples += 1;
    if (isBlocked === isBlockedThere) row["same verdict"] += 1;
    if (differingIds(ours, theirs).length === 0) row["same rules"] += 1;
    if (isBlocked) row.blocked += 1;
  }
  console.log(`paranoia level ${paranoia}`);
  console.table(rows);
}

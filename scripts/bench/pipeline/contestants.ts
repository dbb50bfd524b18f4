/**
 * Who runs: this program, and the others doing the same in one process each. Every one gets the form of the job that was
 * found fastest for it. Where a tool cannot do all of it, `lacks` says what is left out, in its favour.
 */
import { join } from "node:path";
import type { Site as BenchSite } from "../common/site.ts";

export interface Contestant {
  readonly name: string;
  readonly label: string;
  /** Field of the records that it cannot make. */
  readonly lacks?: "email_sha256";
  readonly output: string;
  /** It writes its records to standard output. */
  readonly toStdout: boolean;
  readonly argv: readonly string[];
}

export interface Site extends BenchSite {
  readonly pipeline: string;
}

const HERE = import.meta.dir;

/** All that are installed; the names of the others are told to `missing`. */
export function contestants(site: Site, missing: (name: string) => void): Contestant[] {
  const all = [ours(site), inProcess(site), objects(site), miller(site), jq(site)];
  return all.filter(({ name, argv }) => {
    if (Bun.which(argv[0]!) !== null) return true;
    missing(name);
    return false;
  });
}

function ours({ directory, executable, pipeline }: Site): Contestant {
  const output = join(directory, "ours.ndjson");
  const state = join(directory, "state");
  return {
    name: "ours",
    label: "distributed_system, 5 isolated plugins",
    output,
    toStdout: false,
    argv: [executable, "run", pipeline, "--fresh", "--quiet", "--data-dir", state, "--output", output],
  };
}

function inProcess({ directory, input }: Site): Contestant {
  const output = join(directory, "in-process.ndjson");
  const argv = [process.execPath, join(HERE, "in-process.ts"), input.orders, input.products, output];
  return { name: "in-process", label: "the same 5 plugins in one Bun process", output, toStdout: false, argv };
}

function objects({ directory, input }: Site): Contestant {
  const output = join(directory, "objects.ndjson");
  const argv = [process.execPath, join(HERE, "objects.ts"), input.orders, input.products, output];
  return { name: "objects", label: "a Bun script: JSON.parse, objects", output, toStdout: false, argv };
}

const MILLER_LAST = [
  "$email_sha256 = sha256($email);",
  "@orders[$category][$country] += 1; @total_sum[$category][$country] += $total;",
  'end { emit (@orders, @total_sum), "category", "country" }',
].join(" ");

/** Its readers, verbs and writer are goroutines: it uses both cores too. */
function miller({ directory, input }: Site): Contestant {
  const verbs: string[][] = [
    ["filter", "$amount >= 150"],
    ["put", "$total = $amount * $quantity"],
    ["join", "-i", "csv", "-j", "product", "-f", input.products],
    ["put", MILLER_LAST],
  ];
  const chain = verbs.flatMap((verb, index) => (index === 0 ? verb : ["then", ...verb]));
  const argv = ["mlr", "--ijsonl", "--ojsonl", ...chain, input.orders];
  return { name: "mlr", label: "mlr (Miller)", output: join(directory, "mlr.ndjson"), toStdout: true, argv };
}

/** A flat key and setpath: nested `|=` takes half as long again. */
const JQ_PROGRAM = `
  ($table | split("\\n") | map(split(",") | select(length == 2) | {key: .[0], value: .[1]}) | from_entries) as $category
  | foreach ((inputs | select(.amount >= 150) | . + {total: (.amount * .quantity), category: $category[.product]}), null) as $order
    ({};
      if $order == null then . else
        ($order.category + "," + $order.country) as $key | .[$key] as $sum
        | setpath([$key]; [$sum[0] + 1, $sum[1] + $order.total])
      end;
      if $order == null then
        to_entries[] | (.key | split(",")) as $key
        | {category: $key[0], country: $key[1], orders: .value[0], total_sum: .value[1]}
      else $order end)`;

function jq({ directory, input }: Site): Contestant {
  const argv = ["jq", "-cn", "--rawfile", "table", input.products, JQ_PROGRAM, input.orders];
  const output = join(directory, "jq.ndjson");
  return { name: "jq", label: "jq, without the SHA-256", lacks: "email_sha256", output, toStdout: true, argv };
}

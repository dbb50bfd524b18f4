/**
 * Metrics as text: Prometheus's format 0.0.4, which everybody reads, and OpenMetrics 1.0 for who asks for it. Families by name, each
 * with its help and type once, series by their labels: the same numbers give the same text.
 */
import {
  BOUNDS_SECONDS,
  type Buckets,
  type CollectedFamily,
  type Labels,
  type Metrics,
  type Series,
} from "./metrics.ts";

export type MetricsFormat = "prometheus" | "openmetrics";

export const METRICS_CONTENT_TYPE: Readonly<Record<MetricsFormat, string>> = {
  prometheus: "text/plain; version=0.0.4; charset=utf-8",
  openmetrics: "application/openmetrics-text; version=1.0.0; charset=utf-8",
};

/** By an `Accept` header: OpenMetrics where it is named and plain text is not liked better. */
export function metricsFormat(accept: string | null | undefined): MetricsFormat {
  let [open, plain] = [0, 0];
  for (const part of (accept ?? "").toLowerCase().split(",")) {
    const [type = "", ...parameters] = part.split(";").map((each) => each.trim());
    const quality = qualityOf(parameters);
    const version = parameters.find((each) => each.startsWith("version="))?.slice("version=".length);
    if (type === "application/openmetrics-text" && (version ?? "1.0.0") === "1.0.0") open = Math.max(open, quality);
    if (type === "text/plain") plain = Math.max(plain, quality);
  }
  return open > 0 && open >= plain ? "openmetrics" : "prometheus";
}

export function metricsText(metrics: Metrics, format: MetricsFormat = "prometheus"): string {
  const lines: string[] = [];
  for (const collected of metrics) writeFamily(lines, collected, format);
  if (format === "openmetrics") lines.push("# EOF\n");
  return lines.join("");
}

function writeFamily(lines: string[], { family, series }: CollectedFamily, format: MetricsFormat): void {
  const { help, kind, name } = family;
  const isOpen = format === "openmetrics";
  // In OpenMetrics a counter's family is named without the ending that its samples have.
  const title = isOpen && kind === "counter" ? name.replace(/_total$/, "") : name;
  lines.push(`# HELP ${title} ${isOpen ? escapeLabel(help) : escapeHelp(help)}\n# TYPE ${title} ${kind}\n`);
  for (const each of series) writeSeries(lines, name, each, isOpen);
}

function writeSeries(lines: string[], name: string, { labels, value }: Series, isOpen: boolean): void {
  const pairs = pairsOf(labels);
  const own = pairs === "" ? "" : `{${pairs}}`;
  if (typeof value === "number") lines.push(`${name}${own} ${numberText(value)}\n`);
  else writeBuckets(lines, name, { value, pairs, own }, isOpen);
}

interface Told {
  readonly value: Buckets;
  readonly pairs: string;
  readonly own: string;
}

function writeBuckets(lines: string[], name: string, { value, pairs, own }: Told, isOpen: boolean): void {
  const rest = pairs === "" ? "" : `${pairs},`;
  const { atMost, count, sumSeconds } = value;
  BOUNDS_SECONDS.forEach((bound, index) => {
    lines.push(`${name}_bucket{${rest}le="${boundText(bound, isOpen)}"} ${atMost[index]!}\n`);
  });
  lines.push(`${name}_bucket{${rest}le="+Inf"} ${count}\n`);
  lines.push(`${name}_sum${own} ${numberText(sumSeconds)}\n`, `${name}_count${own} ${count}\n`);
}

function pairsOf(labels: Labels): string {
  return Object.entries(labels)
    .map(([name, value]) => `${name}="${escapeLabel(value)}"`)
    .join(",");
}

/** OpenMetrics compares bounds as text, and wants a fraction in each. */
function boundText(bound: number, isOpen: boolean): string {
  return isOpen && Number.isInteger(bound) ? `${bound}.0` : String(bound);
}

function numberText(value: number): string {
  if (value === Infinity) return "+Inf";
  return value === -Infinity ? "-Inf" : String(value);
}

function escapeHelp(text: string): string {
  return text.replaceAll("\\", "\\\\").replaceAll("\n", "\\n");
}

function escapeLabel(text: string): string {
  return escapeHelp(text).replaceAll('"', '\\"');
}

/** 1 unless it says otherwise. */
function qualityOf(parameters: readonly string[]): number {
  const text = parameters.find((each) => each.startsWith("q="))?.slice(2);
  if (text === undefined) return 1;
  const quality = Number(text);
  return quality >= 0 && quality <= 1 ? quality : 0;
}

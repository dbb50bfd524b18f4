import { expect, test } from "bun:test";
import fc from "fast-check";
import { Histogram } from "../../../src/base/histogram.ts";
import { counter, gauge, histogram, LABEL_CHARS_MAX, MetricRegistry } from "../../../src/base/metrics.ts";
import { METRICS_CONTENT_TYPE, metricsFormat, metricsText } from "../../../src/base/metrics-text.ts";
import { SteppedClock } from "../../support/stepped-clock.ts";

const CALLS = counter("shop_calls_total", 'How often "it" was called,\nwith a \\ in it.');
const OPEN = gauge("shop_open_orders", "Orders under way.");
const TOOK = histogram("shop_call_duration_seconds", "How long calls took.");

function rig(seriesMax?: number) {
  const failures: string[] = [];
  const report = (what: string): void => void failures.push(what);
  const limit = seriesMax === undefined ? {} : { seriesMax };
  const registry = new MetricRegistry({ clock: new SteppedClock(), report, ...limit });
  const text = (): string => metricsText(registry.collect());
  return { registry, failures, text };
}

/** Without what the registry says of itself. */
function ownLines(text: string): string[] {
  return text.split("\n").filter((line) => line !== "" && !line.includes("distributed_system_metrics_"));
}

test("metricsText() says each family once, sorted, and escapes help and labels", () => {
  const { registry, text } = rig();
  registry.add("late", (out) => out.set(OPEN, 3));
  registry.add("calls", (out) => {
    out.set(CALLS, 2, { method: "b", who: 'a "\\" b' });
    out.set(CALLS, 1, { who: "z", method: "a" });
  });
  expect(ownLines(text())).toEqual([
    '# HELP shop_calls_total How often "it" was called,\\nwith a \\\\ in it.',
    "# TYPE shop_calls_total counter",
    'shop_calls_total{method="a",who="z"} 1',
    'shop_calls_total{method="b",who="a \\"\\\\\\" b"} 2',
    "# HELP shop_open_orders Orders under way.",
    "# TYPE shop_open_orders gauge",
    "shop_open_orders 3",
  ]);
});

test("metricsText() gives a histogram in seconds, cumulative, with its sum and count", () => {
  const { registry, text } = rig();
  const took = new Histogram();
  for (const ms of [0.2, 0.5, 3, 3, 70_000]) took.record(ms);
  registry.add("calls", (out) => out.durations(TOOK, took, { method: "get" }));
  const lines = ownLines(text());
  expect(lines.slice(2, 7)).toEqual([
    'shop_call_duration_seconds_bucket{method="get",le="0.0005"} 2',
    'shop_call_duration_seconds_bucket{method="get",le="0.001"} 2',
    'shop_call_duration_seconds_bucket{method="get",le="0.0025"} 2',
    'shop_call_duration_seconds_bucket{method="get",le="0.005"} 4',
    'shop_call_duration_seconds_bucket{method="get",le="0.01"} 4',
  ]);
  expect(lines.slice(-4)).toEqual([
    'shop_call_duration_seconds_bucket{method="get",le="60"} 4',
    'shop_call_duration_seconds_bucket{method="get",le="+Inf"} 5',
    'shop_call_duration_seconds_sum{method="get"} 70.0067',
    'shop_call_duration_seconds_count{method="get"} 5',
  ]);
});

test("metricsText() in OpenMetrics names counters without their ending, gives bounds a fraction, and ends with EOF", () => {
  const { registry } = rig();
  registry.add("calls", (out) => {
    out.set(CALLS, 1);
    out.durations(TOOK, new Histogram());
  });
  const lines = ownLines(metricsText(registry.collect(), "openmetrics"));
  expect(lines).toContain("# TYPE shop_calls counter");
  expect(lines).toContain("shop_calls_total 1");
  expect(lines).toContain('shop_call_duration_seconds_bucket{le="60.0"} 0');
  expect(lines.at(-1)).toBe("# EOF");
});

test("metricsFormat() gives OpenMetrics to who names it and does not like plain text better", () => {
  const prometheus =
    "application/openmetrics-text;version=1.0.0;q=0.6,application/openmetrics-text;version=0.0.1;q=0.5,text/plain;version=0.0.4;q=0.4,*/*;q=0.1";
  expect(metricsFormat(prometheus)).toBe("openmetrics");
  expect(metricsFormat("text/plain, application/openmetrics-text;q=0.5")).toBe("prometheus");
  expect(metricsFormat("application/openmetrics-text;version=2.0.0")).toBe("prometheus");
  expect(metricsFormat("application/openmetrics-text;q=none")).toBe("prometheus");
  expect(metricsFormat(undefined)).toBe("prometheus");
  expect(METRICS_CONTENT_TYPE.prometheus).toContain("version=0.0.4");
});

test("MetricRegistry leaves out series beyond its limit, and says how many", () => {
  const { registry, text } = rig(3);
  registry.add("calls", (out) => {
    for (let each = 0; each < 5; each++) out.set(CALLS, each, { each: String(each) });
    out.durations(TOOK, new Histogram());
  });
  expect(ownLines(text()).filter((line) => line.startsWith("shop_calls_total{"))).toHaveLength(3);
  expect(text()).not.toContain("shop_call_duration_seconds");
  expect(text()).toContain('distributed_system_metrics_series_left_out{reason="limit"} 21\n'); // 2 and a histogram's 19
});

test("MetricRegistry leaves out what is said twice or is no number, and what is not known", () => {
  const { registry, text } = rig();
  registry.add("calls", (out) => {
    out.set(CALLS, 1, { who: "a" });
    out.set(CALLS, 2, { who: "a" });
    out.set(CALLS, -1, { who: "b" });
    out.set(OPEN, Number.NaN);
    out.durations(TOOK, new Histogram(), {}, Number.NaN);
    out.set(OPEN, undefined, { who: "c" });
    out.set(OPEN, Infinity, { who: "d" });
  });
  const said = text();
  expect(ownLines(said).filter((line) => !line.startsWith("#"))).toEqual([
    'shop_calls_total{who="a"} 1',
    'shop_open_orders{who="d"} +Inf',
  ]);
  expect(said).toContain('series_left_out{reason="duplicate"} 1\n');
  expect(said).toContain('series_left_out{reason="value"} 3\n');
});

test("MetricRegistry counts a collector that fails, tells of it, and keeps what the others say", () => {
  const { failures, registry, text } = rig();
  registry.add("broken", () => {
    throw new Error("no such thing");
  });
  registry.add("calls", (out) => out.set(CALLS, 1));
  text();
  const said = text();
  expect(said).toContain("shop_calls_total 1\n");
  expect(said).toContain('distributed_system_metrics_collector_failures_total{collector="broken"} 2\n');
  expect(failures).toEqual(["the collector broken failed", "the collector broken failed"]);
});

test("MetricRegistry.add() asks nobody who was removed, and a removal counts once", () => {
  const { registry, text } = rig();
  const first = registry.add("calls", (out) => out.set(CALLS, 1));
  expect(() => registry.add("calls", () => {})).toThrow("calls names one collector");
  first.remove();
  registry.add("calls", (out) => out.set(CALLS, 2));
  first.remove();
  expect(text()).toContain("shop_calls_total 2\n");
});

test("counter(), gauge() and histogram() refuse names against the conventions", () => {
  expect(() => counter("shop_calls", "x")).toThrow("ends in _total");
  expect(() => gauge("shop_calls_total", "x")).toThrow("does not end in _total");
  expect(() => gauge("shop-open", "x")).toThrow("is the name of a metric");
  expect(() => gauge("shop_count", "x")).toThrow("as the parts of others do");
  expect(() => gauge("shop_open", "")).toThrow("says what it is");
  expect(() => histogram("shop_took_ms", "x")).toThrow("ends in _seconds");
});

test("metricsText() gives one sound line for a series, whatever its labels' values hold", () => {
  const LINE = /^shop_open_orders\{who="(?:[^"\\\n]|\\[\\"n])*"\} 1$/;
  fc.assert(
    fc.property(fc.string({ unit: "binary", maxLength: 400 }), (who) => {
      const { registry, text } = rig();
      registry.add("orders", (out) => out.set(OPEN, 1, { who }));
      const lines = ownLines(text()).slice(2);
      expect(lines).toHaveLength(1);
      expect(lines[0]).toMatch(LINE);
      expect(lines[0]!.isWellFormed()).toBe(true);
      expect(lines[0]!.length).toBeLessThan(2 * LABEL_CHARS_MAX + 40);
    }),
  );
});

/**
 * A plot that moves with the data: lines over time, with a legend that says in words what they show now, for those who do not see the
 * lines too. The canvas is uPlot's; it is made anew when colours or lines change, and otherwise given new data only.
 */
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import uPlot from "uplot";
import type { Columns } from "../logic/history.ts";
import { useBoard } from "../state/board.ts";

export interface Line {
  readonly series: string;
  readonly label: string;
}

interface PlotProps {
  readonly title: string;
  readonly lines: readonly Line[];
  readonly format: (value: number | undefined) => string;
  /** The top of the scale, where it is known. */
  readonly max?: number;
  readonly height?: number;
}

/** Colours that the style sheet has; lines beyond are dashed in the same ones. */
const COLOURS = 8;
const HEIGHT = 150;
/** Who wants less motion gets a picture that changes this seldom. */
const CALM_MS = 5_000;
/** A page that was opened just now shows no empty minutes. */
const SPAN_MS_MIN = 60_000;

export function Plot({ title, lines, format, max, height = HEIGHT }: PlotProps) {
  const { live, nowMs, windowMs } = useBoard();
  const names = lines.map(({ series }) => series);
  const drawnMs = useCalm(nowMs);
  const key = names.join("\n");
  const spanMs = live.history.spanMs(drawnMs, SPAN_MS_MIN, windowMs);
  const columns = useMemo(() => live.history.columns(key.split("\n"), drawnMs - spanMs), [live, key, drawnMs, spanMs]);
  const latest = names.map((name) => live.history.latest(name));
  const spoken = lines.map(({ label }, index) => `${label} ${format(latest[index])}`).join(", ");
  return (
    <figure class="plot">
      <figcaption>{title}</figcaption>
      <Canvas {...{ lines, format, max, height, columns, spanMs }} nowMs={drawnMs} label={`${title}: ${spoken}`} />
      <ul class="legend">
        {lines.map(({ label, series }, index) => (
          <li key={series}>
            <span class={`swatch ${colourClass(index)}`} aria-hidden="true" />
            {label} <b>{format(latest[index])}</b>
          </li>
        ))}
      </ul>
    </figure>
  );
}

export function colourClass(index: number): string {
  return `series-${index % COLOURS}${index >= COLOURS ? " dashed" : ""}`;
}

interface CanvasProps extends Omit<PlotProps, "title" | "max" | "height"> {
  readonly label: string;
  readonly columns: Columns;
  readonly nowMs: number;
  readonly spanMs: number;
  readonly max: number | undefined;
  readonly height: number;
}

function Canvas({ label, lines, format, columns, nowMs, spanMs, max, height }: CanvasProps) {
  const host = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot>(undefined);
  const theme = useThemeCount();
  // All that a new plot is made for; what else changes is given to the one that is there.
  const draw = (made: uPlot): void =>
    made.batch(() => {
      made.setData([...columns] as uPlot.AlignedData, false); // uPlot's type is not readonly; it changes nothing
      made.setScale("x", { min: (nowMs - spanMs) / 1000, max: nowMs / 1000 });
    });
  const shape = `${lines.map((line) => line.label).join("\n")} ${max} ${height} ${theme}`;
  useEffect(() => {
    const made = new uPlot(
      optionsOf(host.current!, { lines, format, max, height }),
      [...columns] as uPlot.AlignedData,
      host.current!,
    ); // the div is there
    plot.current = made;
    draw(made);
    const watch = new ResizeObserver(() => made.setSize({ width: host.current?.clientWidth || 1, height }));
    watch.observe(host.current!);
    return () => {
      watch.disconnect();
      made.destroy();
      plot.current = undefined;
    };
  }, [shape]);
  useEffect(() => {
    if (plot.current) draw(plot.current);
  }, [columns, nowMs, spanMs]);
  return <div ref={host} class="canvas" role="img" aria-label={label} />;
}

type Look = Pick<CanvasProps, "lines" | "format" | "max" | "height">;

function optionsOf(host: HTMLElement, { lines, format, max, height }: Look): uPlot.Options {
  const axis = { stroke: colourOf(host, "axis-colour"), font: "11px system-ui, sans-serif" };
  const lined = { ...axis, grid: { stroke: colourOf(host, "grid-colour"), width: 1 }, ticks: { show: false } };
  return {
    width: host.clientWidth || 1,
    height,
    cursor: { show: false },
    legend: { show: false },
    padding: [8, 26, 0, 0],
    scales: { x: { time: true, auto: false }, y: { range: (_, __, top) => [0, max ?? niceTop(top)] } },
    axes: [
      { ...lined, space: 70, size: 22, gap: 4, values: (_, times) => times.map(clockText) },
      { ...lined, space: 32, size: 52, gap: 6, values: (_, values) => values.map((value) => format(value)) },
    ],
    series: [{}, ...lines.map((line, index) => lineOf(host, line, index))],
  };
}

function lineOf(host: HTMLElement, { label }: Line, index: number): uPlot.Series {
  return {
    label,
    stroke: colourOf(host, `series-${index % COLOURS}`),
    width: 1.5,
    points: { show: false },
    ...(index >= COLOURS && { dash: [5, 4] }),
  };
}

function niceTop(top: number | null): number {
  return top === null || top <= 0 ? 1 : top * 1.1;
}

function clockText(seconds: number): string {
  return new Date(seconds * 1000).toLocaleTimeString([], {
    hour: "2-digit",
    minute: "2-digit",
    second: "2-digit",
    hour12: false,
  });
}

/** As the style sheet has it at this moment: a canvas knows no variables. */
function colourOf(host: HTMLElement, name: string): string {
  const probe = document.createElement("span");
  probe.className = name;
  host.append(probe);
  const { color } = getComputedStyle(probe);
  probe.remove();
  return color;
}

/** Grows when the colours may have changed. */
function useThemeCount(): number {
  const [count, setCount] = useState(0);
  useEffect(() => {
    const system = matchMedia("(prefers-color-scheme: dark)");
    const changed = (): void => setCount((before) => before + 1);
    system.addEventListener("change", changed);
    addEventListener("theme", changed);
    return () => {
      system.removeEventListener("change", changed);
      removeEventListener("theme", changed);
    };
  }, []);
  return count;
}

/** The time of the picture: every answer's, or seldom for who wants less motion. */
function useCalm(nowMs: number): number {
  const shown = useRef(nowMs);
  const isCalm = matchMedia("(prefers-reduced-motion: reduce)").matches;
  if (!isCalm || nowMs - shown.current >= CALM_MS) shown.current = nowMs;
  return shown.current;
}

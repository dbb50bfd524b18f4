/** Small pieces that several views use. */
import type { ComponentChildren } from "preact";
import type { Action } from "../logic/actions.ts";
import { percent, UNKNOWN } from "../logic/numbers.ts";
import { useBoard } from "../state/board.ts";

const GOOD: ReadonlySet<string> = new Set([
  "alive",
  "running",
  "ended",
  "up",
  "leader",
  "serving",
  "started",
  "healthy",
  "block",
]);
const BAD: ReadonlySet<string> = new Set([
  "dead",
  "failed",
  "down",
  "gave up",
  "crashed",
  "unhealthy",
  "ejected",
  "open",
]);
const QUIET: ReadonlySet<string> = new Set(["left", "paused", "cancelled", "stopped", "none", "follower", "unknown"]);

/** A state as a word with a colour; the word alone says all. */
export function State({ state }: { readonly state: string }) {
  const kind = GOOD.has(state) ? "good" : BAD.has(state) ? "bad" : QUIET.has(state) ? "calm" : "warn";
  return <span class={`state ${kind}`}>{state}</span>;
}

/** Offered to who may, and to nobody else. */
export function ActionButton({ action, children, about }: ActionButtonProps) {
  const { act, identity } = useBoard();
  if (!identity.mayOperate) return null;
  return (
    <button type="button" class="small" aria-label={about} aria-haspopup="dialog" onClick={() => act(action)}>
      {children}
    </button>
  );
}

interface ActionButtonProps {
  readonly action: Action;
  readonly children: ComponentChildren;
  /** With what it acts on, for who hears the buttons one after the other. */
  readonly about: string;
}

/** A share as a bar with its number. Fuller is worse: it changes its colour on the way. */
export function Meter({ share, label }: { readonly share: number | undefined; readonly label: string }) {
  if (share === undefined) return <span class="quiet">{UNKNOWN}</span>;
  const level = share >= 0.9 ? "high" : share >= 0.7 ? "mid" : "low";
  return (
    <span class="meter">
      <svg class={`bar ${level}`} viewBox="0 0 54 6" role="img" aria-label={`${label}: ${percent(share)}`}>
        <rect width={54 * share} height={6} rx={3} />
      </svg>
      <span class="number" aria-hidden="true">
        {percent(share)}
      </span>
    </span>
  );
}

export function Section({ title, aside, children, id, isWide = false }: SectionProps) {
  return (
    <section class={isWide ? "card wide" : "card"} aria-labelledby={id}>
      <div class="card-head">
        <h2 id={id}>{title}</h2>
        {aside}
      </div>
      {children}
    </section>
  );
}

interface SectionProps {
  readonly id: string;
  readonly title: ComponentChildren;
  readonly aside?: ComponentChildren;
  /** Over all columns. */
  readonly isWide?: boolean;
  readonly children: ComponentChildren;
}

/** A column's title; numbers stand at the right. */
type Column = string | { readonly title: string; readonly isNumber: true };

export function numeric(title: string): Column {
  return { title, isNumber: true };
}

/** The column of buttons: its title is heard and not seen. */
export const ACTIONS = "Actions";

/** A table that scrolls by itself where the page is narrow, reachable by keyboard then. */
export function Table({ caption, head, children }: TableProps) {
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable without a mouse
    <section class="scroll" aria-label={caption} tabIndex={0}>
      <table>
        <caption class="unseen">{caption}</caption>
        <thead>
          <tr>
            {head.map((column) => {
              const { isNumber, title } = typeof column === "string" ? { isNumber: false, title: column } : column;
              return (
                <th key={title} scope="col" class={isNumber ? "number" : undefined}>
                  {title === ACTIONS ? <span class="unseen">{title}</span> : title}
                </th>
              );
            })}
          </tr>
        </thead>
        <tbody>{children}</tbody>
      </table>
    </section>
  );
}

interface TableProps {
  readonly caption: string;
  readonly head: readonly Column[];
  readonly children: ComponentChildren;
}

export function Empty({ children }: { readonly children: ComponentChildren }) {
  return <p class="empty">{children}</p>;
}

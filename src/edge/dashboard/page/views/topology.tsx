/** The cluster as a picture: the node that was asked in the middle, its links as lines, states as colours, load as an arc. */
import type { LinkView, NodeView } from "../../words.ts";
import { layoutOf, type Place } from "../logic/layout.ts";
import { bytesPerSecond, percent, plural } from "../logic/numbers.ts";
import { linkSeries } from "../logic/series.ts";
import { useBoard } from "../state/board.ts";

export function Topology() {
  const { live, overview } = useBoard();
  const { links, nodes } = overview;
  const { height, places, width } = layoutOf(nodes);
  const byId = new Map(places.map((place) => [place.id, place]));
  const self = nodes.find(({ isSelf }) => isSelf);
  const middle = self && byId.get(self.id);
  const states = Object.entries(Object.groupBy(nodes, ({ state }) => state));
  const summary = states.map(([state, list]) => `${list?.length} ${state}`).join(", ");
  return (
    <>
      <svg
        class="topology"
        viewBox={`0 0 ${width} ${height}`}
        role="img"
        aria-label={`${plural(nodes.length, "node")}: ${summary}. The table of nodes says the same.`}
      >
        {middle &&
          links.map((link) => (
            <Edge
              key={link.peer}
              from={middle}
              to={byId.get(link.peer)}
              link={link}
              rate={live.history.latest(linkSeries(link.peer))}
            />
          ))}
        {nodes.map((node) => (
          <Node key={node.id} node={node} place={byId.get(node.id)} isAlone={isOnlyName(nodes, node.name)} />
        ))}
      </svg>
      <Key />
    </>
  );
}

interface EdgeProps {
  readonly from: Place;
  readonly to: Place | undefined;
  readonly link: LinkView;
  readonly rate: number | undefined;
}

/** Ten times the bytes are one step more in width. */
function Edge({ from, to, link, rate = 0 }: EdgeProps) {
  if (!to) return null;
  const width = 1 + Math.min(5, Math.log10(1 + rate / 1_000));
  return (
    <line class={link.isOpen ? "edge" : "edge closed"} x1={from.x} y1={from.y} x2={to.x} y2={to.y} stroke-width={width}>
      <title>{`${link.peer}: ${link.isOpen ? bytesPerSecond(rate) : "closed"}`}</title>
    </line>
  );
}

function isOnlyName(nodes: readonly NodeView[], wanted: string): boolean {
  return nodes.filter(({ name }) => name === wanted).length === 1;
}

const LETTERS: readonly (readonly [role: string, letter: string])[] = [
  ["master", "M"],
  ["worker", "W"],
  ["gateway", "G"],
];

interface NodeProps {
  readonly node: NodeView;
  readonly place: Place | undefined;
  /** No other node has its name. */
  readonly isAlone: boolean;
}

function Node({ isAlone, node, place }: NodeProps) {
  if (!place) return null;
  const { cpu, id, isDraining, isLeader, name, roles, state } = node;
  const { radius, x, y } = place;
  const letter = LETTERS.find(([role]) => roles.includes(role))?.[1] ?? "N";
  const called = isAlone ? name : id; // several masters may go by one name
  const label = called.length > 16 ? `${called.slice(0, 15)}…` : called;
  const shown = state === "alive" && isDraining ? "draining" : state;
  return (
    <g class={`node ${shown}`} transform={`translate(${x} ${y})`}>
      <title>{`${id}: ${shown}, ${roles.join(", ") || "member"}, processors ${percent(cpu)}`}</title>
      {isLeader && <circle class="leads" r={radius + 8} />}
      <circle class="body" r={radius} />
      {cpu !== undefined && <path class="load" d={arc(radius + 3.5, cpu)} />}
      <text class="letter" dy="0.36em">
        {letter}
      </text>
      <text class="label" y={radius + 18}>
        {label}
      </text>
      {shown !== "alive" && (
        <text class="note" y={radius + 31}>
          {shown}
        </text>
      )}
    </g>
  );
}

/** A share of a circle, from the top on, clockwise. */
function arc(radius: number, share: number): string {
  const angle = 2 * Math.PI * Math.min(0.9999, Math.max(0, share));
  const [x, y] = [radius * Math.sin(angle), -radius * Math.cos(angle)];
  return `M0 ${-radius}A${radius} ${radius} 0 ${angle > Math.PI ? 1 : 0} 1 ${x.toFixed(2)} ${y.toFixed(2)}`;
}

function Key() {
  return (
    <p class="key">
      <b>M</b> master <b>W</b> worker <b>N</b> member · arc: processors in use · dashed ring: leads, or where there are
      no masters the oldest · lines: links of the node that was asked
    </p>
  );
}

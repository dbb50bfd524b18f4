/**
 * Where nodes stand in the picture of the cluster: the one that was asked in the middle, masters on the inner ring, the others on as
 * many outer rings as they need; where all have room on one ring, they share it. The same nodes always give the same picture, and one that comes moves few others. Pure.
 */

export interface LayoutNode {
  readonly id: string;
  readonly isSelf: boolean;
  readonly roles: readonly string[];
}

export interface Place {
  readonly id: string;
  readonly x: number;
  readonly y: number;
  readonly radius: number;
}

export interface Layout {
  readonly width: number;
  readonly height: number;
  readonly places: readonly Place[];
}

const WIDTH = 480;
const NODE_RADIUS = 20;
/** Between the middles of two on one ring, so that labels do not cover each other. */
const SPACING = 112;
const FIRST_RING = 150;
const RING_STEP = 112;
/** Room for a node and its label at the edge. */
const MARGIN = 58;
/** Rings are flat: pages are wider than high. */
const FLATNESS = 0.6;

export function layoutOf(nodes: readonly LayoutNode[]): Layout {
  const sorted = [...nodes].sort((a, b) => (a.id < b.id ? -1 : a.id > b.id ? 1 : 0));
  const self = sorted.find(({ isSelf }) => isSelf);
  const others = sorted.filter((node) => node !== self);
  const masters = others.filter(({ roles }) => roles.includes("master"));
  const rest = others.filter((node) => !masters.includes(node));
  const isSmall = others.length <= roomOf(0);
  const rings = [...ringsOf(isSmall ? [...masters, ...rest] : masters, 0)];
  if (!isSmall) rings.push(...ringsOf(rest, rings.length));
  const outer = rings.length === 0 ? 0 : radiusOf(rings.length - 1);
  const width = Math.max(WIDTH, 2 * (outer + MARGIN));
  const height = 2 * (outer * FLATNESS + MARGIN);
  const middle = { x: width / 2, y: height / 2 };
  const places = rings.flatMap((ring, index) => ring.map((node, at) => onRing(node, index, at / ring.length, middle)));
  const own = self ? [{ id: self.id, ...middle, radius: NODE_RADIUS + 4 }] : [];
  return { width, height, places: [...own, ...places] };
}

function radiusOf(ring: number): number {
  return FIRST_RING + ring * RING_STEP;
}

/** The nodes of each ring from `first` on, as many as have room there. */
function* ringsOf<T>(nodes: readonly T[], first: number): Generator<readonly T[]> {
  for (let ring = first, from = 0; from < nodes.length; ring++) {
    const room = roomOf(ring);
    yield nodes.slice(from, from + room);
    from += room;
  }
}

function roomOf(ring: number): number {
  return Math.max(2, Math.floor((2 * Math.PI * radiusOf(ring) * ((1 + FLATNESS) / 2)) / SPACING));
}

/** Every second ring is turned, so that lines from the middle pass between nodes. */
function onRing({ id }: LayoutNode, ring: number, share: number, middle: { x: number; y: number }): Place {
  const angle = 2 * Math.PI * share + (ring % 2 === 0 ? 0 : Math.PI / 5);
  const radius = radiusOf(ring);
  const [x, y] = [middle.x + radius * Math.cos(angle), middle.y + FLATNESS * radius * Math.sin(angle)];
  return { id, x: round(x), y: round(y), radius: NODE_RADIUS };
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}

import dagre from '@dagrejs/dagre';
import { type Html, html } from '../html.js';
import { scrolling } from '../table.js';
import { cut } from '../words.js';

/** A step as it stands in the drawing. */
export interface Box {
  readonly id: string;
  /** Below it. */
  readonly line: string;
  readonly state: string;
  readonly needs: readonly string[];
}

interface Point {
  readonly x: number;
  readonly y: number;
}

const BOX = { width: 168, height: 46 };
const MARGIN = 6;

/** Without what is needed anyway: if c needs b and b needs a, that c needs a is not drawn. */
function drawnNeeds(boxes: readonly Box[]): Map<string, string[]> {
  const needs = new Map(boxes.map((box) => [box.id, box.needs]));
  const above = new Map<string, Set<string>>();
  const all = (id: string): Set<string> => {
    const known = above.get(id);
    if (known) return known;
    const found = new Set((needs.get(id) ?? []).flatMap((need) => [need, ...all(need)]));
    above.set(id, found);
    return found;
  };
  return new Map(
    boxes.map(({ id, needs }) => [
      id,
      needs.filter((need) => !needs.some((other) => other !== need && all(other).has(need))),
    ]),
  );
}

/** Steps and what needs what, from top to bottom. */
export function dagOf(boxes: readonly Box[], alt: string): Html {
  const graph = new dagre.graphlib.Graph();
  graph.setGraph({ rankdir: 'TB', nodesep: 18, ranksep: 30 });
  graph.setDefaultEdgeLabel(() => ({}));
  for (const { id } of boxes) graph.setNode(id, { ...BOX });
  for (const [id, needs] of drawnNeeds(boxes))
    for (const need of needs) if (graph.hasNode(need)) graph.setEdge(need, id);
  dagre.layout(graph);
  const routes: (readonly Point[])[] = graph
    .edges()
    .map((edge: { v: string; w: string }) => (graph.edge(edge) as { points: readonly Point[] }).points);
  const edges = routes.map((points) => {
    const path = points.map(({ x, y }, i) => `${i === 0 ? 'M' : 'L'}${x.toFixed(1)} ${y.toFixed(1)}`).join('');
    return html`<path class="edge" d="${path}" marker-end="url(#arrow)"/>`;
  });
  const places = new Map(boxes.map(({ id }) => [id, graph.node(id) as Point]));
  const nodes = boxes.map(({ id, line, state }) => {
    const { x, y } = places.get(id) as Point;
    return html`<g class="box ${state}" transform="translate(${(x - BOX.width / 2).toFixed(1)} ${(y - BOX.height / 2).toFixed(1)})"><title>${id}</title><rect width="${BOX.width}" height="${BOX.height}" rx="6"/><text x="10" y="19" class="id">${cut(id, 22)}</text><text x="10" y="36">${cut(line, 27)}</text></g>`;
  });
  // Edges may go around the outermost boxes.
  const corners = [...places.values()].flatMap(({ x, y }) => [
    { x: x - BOX.width / 2, y: y - BOX.height / 2 },
    { x: x + BOX.width / 2, y: y + BOX.height / 2 },
  ]);
  const all = [...routes.flat(), ...corners];
  const [left, top] = [Math.min(...all.map(({ x }) => x)) - MARGIN, Math.min(...all.map(({ y }) => y)) - MARGIN];
  const width = Math.ceil(Math.max(...all.map(({ x }) => x)) - left + MARGIN);
  const height = Math.ceil(Math.max(...all.map(({ y }) => y)) - top + MARGIN);
  return scrolling(
    html`<svg class="dag" role="img" aria-label="${alt}" viewBox="${left.toFixed(0)} ${top.toFixed(0)} ${width} ${height}" width="${width}" height="${height}"><defs><marker id="arrow" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto"><path d="M0 0L8 4L0 8z"/></marker></defs>${edges}${nodes}</svg>`,
    'Steps and what needs what',
  );
}

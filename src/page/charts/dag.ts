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

const BOX = { width: 168, height: 46 };
const MARGIN = 6;

/** Steps and what needs what, from top to bottom. */
export function dagOf(boxes: readonly Box[], alt: string): Html {
  const graph = new dagre.graphlib.Graph();
  graph.setGraph({ rankdir: 'TB', nodesep: 18, ranksep: 30, marginx: MARGIN, marginy: MARGIN });
  graph.setDefaultEdgeLabel(() => ({}));
  for (const { id } of boxes) graph.setNode(id, { ...BOX });
  for (const { id, needs } of boxes) for (const need of needs) if (graph.hasNode(need)) graph.setEdge(need, id);
  dagre.layout(graph);
  const { width = 0, height = 0 } = graph.graph() as { width?: number; height?: number };
  const edges = graph.edges().map((edge: { v: string; w: string }) => {
    const { points } = graph.edge(edge) as { points: readonly { x: number; y: number }[] };
    const path = points.map(({ x, y }, i) => `${i === 0 ? 'M' : 'L'}${x.toFixed(1)} ${y.toFixed(1)}`).join('');
    return html`<path class="edge" d="${path}" marker-end="url(#arrow)"/>`;
  });
  const nodes = boxes.map(({ id, line, state }) => {
    const { x, y } = graph.node(id) as { x: number; y: number };
    return html`<g class="box ${state}" transform="translate(${(x - BOX.width / 2).toFixed(1)} ${(y - BOX.height / 2).toFixed(1)})"><title>${id}</title><rect width="${BOX.width}" height="${BOX.height}" rx="6"/><text x="10" y="19" class="id">${cut(id, 22)}</text><text x="10" y="36">${cut(line, 27)}</text></g>`;
  });
  return scrolling(
    html`<svg class="dag" role="img" aria-label="${alt}" viewBox="0 0 ${width.toFixed(0)} ${height.toFixed(0)}" width="${width.toFixed(0)}" height="${height.toFixed(0)}"><defs><marker id="arrow" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto"><path d="M0 0L8 4L0 8z"/></marker></defs>${edges}${nodes}</svg>`,
    'Steps and what needs what',
  );
}

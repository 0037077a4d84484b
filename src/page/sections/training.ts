import { figures } from '../charts/figure.js';
import { lineChart } from '../charts/lines.js';
import { curvesOf } from '../curves.js';
import { html } from '../html.js';
import type { Section } from '../section.js';

/** Charts drawn at most; a step whose turn comes later has its losses only, and then nothing. */
const CHARTS = 120;
const LOSSES = 180;

/** Losses, metrics, and how weights, temperatures and the learning rate went. */
export const training: Section = {
  id: 'training',
  title: 'Training',
  render({ steps }) {
    let drawn = 0;
    const parts = steps.map((step) => {
      const stages = curvesOf(step);
      if (stages.length === 0 || drawn >= LOSSES) return undefined;
      const shown = stages.map(({ title, charts }) => {
        const some = drawn < CHARTS ? charts : charts.slice(0, 1);
        drawn += some.length;
        return html`<h4>${title}</h4>${figures(some.map(lineChart))}`;
      });
      return html`<h3>${step.id} <small>${step.uses}</small></h3>${shown}`;
    });
    if (drawn === 0) return undefined;
    const many =
      drawn >= CHARTS && html`<p>There are many trainings: of the later ones only the loss is drawn, or nothing.</p>`;
    return html`${parts}${many}`;
  },
};

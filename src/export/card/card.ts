import type { ExportOptions } from '../../options/export.js';
import { Ancestry, type Origin } from './ancestry.js';
import { checksSection } from './checks.js';
import { costSection, type Measured } from './cost.js';
import type { Facts } from './facts.js';
import { frontMatter } from './front-matter.js';
import { limitsSection } from './limits.js';
import { grouped, plain } from './markdown.js';
import { lineageSection, methodSection } from './method.js';
import { type Metrics, metricsSection } from './metrics.js';
import { dataSection, teacherSection, termsSection } from './origin.js';

export interface CardParts {
  readonly facts: Facts;
  readonly options: Pick<ExportOptions, 'title' | 'description' | 'licence' | 'languages' | 'limits'>;
  readonly origin: Origin;
  readonly metrics: Metrics | undefined;
  /** What answering took and cost where the metrics were worked out. */
  readonly timing?: Measured | undefined;
  /** How to use the folder. */
  readonly usage: string;
  /** Of recipe, Node and the packages that the export depends on. */
  readonly versions: Readonly<Record<string, string>>;
}

/** A model card (Mitchell et al. 2019, arXiv:1810.03993) as Markdown, with what the Hub reads at its head. */
export function cardOf({ facts, options, origin, metrics, timing, usage, versions }: CardParts): string {
  const ancestry = new Ancestry(origin);
  const title = options.title ?? usualTitle(facts);
  const parts = [
    frontMatter(facts, options, title, metrics, origin.model),
    `# ${plain(title)}`,
    options.description,
    summary(facts),
    usage,
    metricsSection(metrics, origin.model),
    costSection(timing, origin.model),
    checksSection(facts),
    dataSection(ancestry),
    teacherSection(ancestry),
    termsSection(ancestry),
    methodSection(ancestry, facts),
    limitsSection(facts, ancestry, metrics, options.limits),
    lineageSection(ancestry, versions),
  ];
  return `${parts.filter((part) => part !== undefined).join('\n\n')}\n`;
}

const DOES = {
  'feature-extraction': 'embeds texts',
  'text-classification': 'tells texts apart',
  'token-classification': 'labels words',
  'text-generation': 'writes texts',
  'fill-mask': 'fills in hidden words',
} as const;

/** What a model is called where the recipe gives it no title. */
export function usualTitle({ type, pipeline = 'text-classification', labels }: Facts): string {
  return `A ${type} that ${DOES[pipeline]}${labels.length > 0 && labels.length <= 4 ? `: ${labels.join(', ')}` : ''}`;
}

function summary({ type, parameters, labels }: Facts): string {
  const kinds = labels.length > 0 ? `, ${labels.length} labels` : '';
  return `${plain(type)}, ${grouped(parameters)} parameters${kinds}. Made with [recipe](https://www.npmjs.com/package/@distil-recipe/recipe), from the steps below.`;
}

import type { StageHistory, TrainingHistory } from '../report/history.js';
import type { LineChart, Series } from './charts/lines.js';
import type { StepData } from './run-data.js';
import { plain } from './words.js';

/** The curves of one stage of a training, the loss first. */
export interface Curves {
  readonly title: string;
  readonly charts: readonly LineChart[];
}

const UPDATE = 'update';

/** The curves of a step: by its history, or, while it has none, by what the journal says. */
export function curvesOf(step: StepData): Curves[] {
  const trainings = step.results.flatMap(({ files }) => historyIn(files['history.json']));
  return trainings.length > 0 ? trainings.flatMap(trained) : reported(step);
}

function historyIn(file: unknown): TrainingHistory[] {
  const { version, trainings } = (file ?? {}) as { version?: unknown; trainings?: TrainingHistory[] };
  return version === 1 && Array.isArray(trainings) ? trainings : [];
}

function trained({ name, stages }: TrainingHistory): Curves[] {
  return stages.map((stage, i) => {
    const where = [name ?? [], stages.length > 1 ? `stage ${i + 1} of ${stages.length}` : []].flat().join(', ');
    const done = stage.update.at(-1) ?? 0;
    const early = done < stage.updates ? `${done} of ${stage.updates} updates` : `${done} updates`;
    return { title: [where, early].filter((words) => words !== '').join(': '), charts: chartsOf(stage) };
  });
}

function chartsOf(stage: StageHistory): LineChart[] {
  const { update, objectives, validation, updates } = stage;
  const range = [0, Math.max(updates, 1)] as const;
  const over = (values: readonly number[], at = update): Series['points'] =>
    at.map((done, i) => [done, values[i] as number]);
  const chart = (title: string, series: readonly Series[], more: Partial<LineChart> = {}): LineChart => ({
    title,
    x: UPDATE,
    range,
    series,
    ...more,
  });
  const varies = (values: readonly number[]): boolean => values.some((value) => value !== values[0]);
  const weights = objectives.map(({ name, update: at, weight }) => ({ name, points: over(weight, at) }));
  const scheduled = [...new Set(objectives.flatMap((objective) => Object.keys(objective.scheduled)))];
  return [
    chart('Loss', [{ name: 'loss', points: over(stage.loss) }]),
    ...(objectives.length > 1
      ? [
          chart(
            'Loss of each objective, before its weight',
            objectives.map(({ name, update: at, loss }) => ({ name, points: over(loss, at) })),
          ),
        ]
      : []),
    ...(validation && validation.update.length > 0
      ? [
          chart(
            `${plain(validation.metric)} on the validation rows`,
            [
              {
                name: plain(validation.metric),
                points: validation.update.map((at, i) => [at, validation.value[i] as number]),
              },
            ],
            { marked: validation.update.length <= 40 },
          ),
        ]
      : []),
    ...(objectives.length > 1 || objectives.some(({ weight }) => varies(weight))
      ? [chart('Weight of each objective', weights, { fromZero: true })]
      : []),
    ...scheduled.map((what) =>
      chart(
        `Schedule: ${plain(what)}`,
        objectives.flatMap(({ name, update: at, scheduled: { [what]: values } }) =>
          values ? [{ name, points: over(values, at) }] : [],
        ),
        { fromZero: true },
      ),
    ),
    chart('Learning rate', [{ name: 'learning rate', points: over(stage.learning_rate) }], { fromZero: true }),
    chart('Norm of the gradient, before clipping', [{ name: 'norm', points: over(stage.gradient_norm) }], {
      fromZero: true,
    }),
  ];
}

/** What the journal has: at most one report a second, by phase. */
function reported({ reports }: StepData): Curves[] {
  const phases = new Map<string, (typeof reports)[number][]>();
  for (const progress of reports) {
    const phase = progress.phase ?? '';
    // After a kill it goes on from its last checkpoint: what came after that is done again.
    const before = (phases.get(phase) ?? []).filter(({ done }) => done < progress.done);
    const last = phases.get(phase)?.at(-1);
    if (last !== undefined && last.done < progress.done) phases.get(phase)?.push(progress);
    else phases.set(phase, [...before, progress]);
  }
  return [...phases].flatMap(([title, points]) => {
    // One number is no curve.
    if (points.length < 2) return [];
    const names = [...new Set(points.flatMap((progress) => Object.keys(progress.losses ?? {})))];
    const unit = points[0]?.unit ?? UPDATE;
    const series = (name: string, value: (progress: (typeof points)[number]) => number | undefined): Series => ({
      name,
      points: points.flatMap((progress) => {
        const y = value(progress);
        return y === undefined || !Number.isFinite(y) ? [] : [[progress.done, y] as const];
      }),
    });
    const charts: LineChart[] = [{ title: 'Loss', x: unit, series: [series('loss', ({ loss }) => loss)] }];
    if (names.length > 1) {
      charts.push({
        title: 'Loss of each objective, before its weight',
        x: unit,
        series: names.map((name) => series(name, (progress) => progress.losses?.[name])),
      });
    }
    return [{ title: title === '' ? 'as the journal has it' : `${title}, as the journal has it`, charts }];
  });
}

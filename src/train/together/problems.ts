import type { OptionProblem } from '../../engine/step.js';
import type { OnlineDistillOptions } from '../../options/online-distill.js';
import type { SelfDistillOptions } from '../../options/self-distill.js';
import type { Objective, Stage } from '../../options/train.js';
import { modelProblems } from '../model-problems.js';
import { problemsOf } from '../problems.js';

/** What is wrong with the options of `online-distill` that no schema can say. */
export function onlineProblems(options: OnlineDistillOptions): OptionProblem[] {
  const { peers, stages } = options;
  const asked = peers.some(({ teachers }) => teachers === 'ensemble');
  const idle = peers.findIndex(({ teachers }) => Array.isArray(teachers) && teachers.length === 0);
  return [
    ...problemsOf(options),
    ...taskProblems(options),
    ...peers.flatMap((_, i) => peerProblems(peers, i)),
    ...stages.flatMap((stage, s) => [
      ...entryProblems(stage, s, 'whom a peer learns from, its own option teachers says'),
      ...(asked ? layerProblems(stage, s, 'an ensemble has none', 'give all peers teachers: others') : []),
      ...(idle >= 0 ? nothingProblems(stage, s, `peer ${idle + 1} learns from no other`) : []),
    ]),
    ...(peers.every(({ teachers }) => Array.isArray(teachers) && teachers.length === 0)
      ? [{ pointer: '/peers', message: 'no peer learns from another', hint: 'Give one of them teachers: others' }]
      : []),
  ];
}

/** What is wrong with the options of `self-distill` that no schema can say. */
export function selfProblems(options: SelfDistillOptions): OptionProblem[] {
  const { model, teacher, stages } = options;
  const first =
    teacher.type === 'generations'
      ? 'the first generation has none'
      : 'the last layer, from which exits learn, has none';
  return [
    ...problemsOf(options),
    ...modelProblems(options),
    ...taskProblems(options),
    ...(teacher.type === 'exits' ? exitProblems(teacher.after, 'layers' in model ? model.layers : undefined) : []),
    ...stages.flatMap((stage, s) => [
      ...entryProblems(stage, s, 'there is one teacher, the model itself'),
      ...(teacher.type === 'average' ? [] : nothingProblems(stage, s, first)),
      ...(teacher.type === 'generations' && teacher.ensemble
        ? layerProblems(stage, s, 'an ensemble has none', 'leave ensemble out')
        : []),
      ...(teacher.type === 'exits' ? sharedProblems(stage, s) : []),
    ]),
    ...(stages.some(({ objectives }) => objectives.some(learnsFromTeacher))
      ? []
      : [{ pointer: '/stages', message: 'no objective learns from a teacher', hint: 'Add soft-label' }]),
  ];
}

function exitProblems(after: readonly number[], layers: unknown): OptionProblem[] {
  return after.flatMap((layer, i): OptionProblem[] => {
    const pointer = `/teacher/after/${i}`;
    if (typeof layers === 'number' && layer >= layers) {
      const message = `the model has ${layers} layers, and its own head is after the last: no exit after ${layer}`;
      return [{ pointer, message, hint: `Name layers from 1 to ${layers - 1}` }];
    }
    return layer > (after[i - 1] ?? 0) ? [] : [{ pointer, message: 'exits stand in ascending order of their layers' }];
  });
}

/** Objectives about layers that exits share with their teacher. */
function sharedProblems({ objectives }: Stage, s: number): OptionProblem[] {
  return objectives.flatMap((entry, i): OptionProblem[] => {
    const pointer = `/stages/${s}/objectives/${i}`;
    if (entry.type === 'hidden-states') {
      if (!Array.isArray(entry.layer_map) && entry.layer_map.type === 'uniform') return [];
      const message = 'the state of an exit learns from that of the last layer, so there is no layer_map';
      return [{ pointer: `${pointer}/layer_map`, message, hint: 'Leave it out' }];
    }
    if (!learnsFromTeacher(entry) || entry.type === 'soft-label') return [];
    const message = `"${entry.type}" compares layers, and an exit shares its layers with its teacher`;
    return [{ pointer, message, hint: 'Exits learn by hard-label, soft-label and hidden-states' }];
  });
}

function peerProblems(peers: OnlineDistillOptions['peers'], at: number): OptionProblem[] {
  const { model, teachers } = peers[at] as OnlineDistillOptions['peers'][number];
  const first = peers[0]?.model as typeof model;
  const lengths = [first, model].map((each) => ('max_length' in each ? each.max_length : undefined));
  const problems = modelProblems({ model }).map((each) => ({ ...each, pointer: `/peers/${at}${each.pointer}` }));
  if (lengths[0] !== undefined && lengths[1] !== undefined && lengths[0] !== lengths[1]) {
    problems.push({
      pointer: `/peers/${at}/model/max_length`,
      message: `peer ${at + 1} reads ${lengths[1]} tokens of a text, and peer 1 reads ${lengths[0]}`,
      hint: 'Peers answer about the same tokens: give all of them one max_length',
    });
  }
  for (const [i, teacher] of (Array.isArray(teachers) ? teachers : []).entries()) {
    const pointer = `/peers/${at}/teachers/${i}`;
    if (teacher === at + 1) {
      problems.push({ pointer, message: `peer ${teacher} learns from itself`, hint: 'self-distill does that' });
    } else if (teacher > peers.length) {
      const message = `there are ${peers.length} peers, and this names number ${teacher}`;
      problems.push({ pointer, message, hint: 'They are counted from 1' });
    }
  }
  return problems;
}

/** Vectors of texts are compared with those of a finished teacher. */
function taskProblems({ task }: Pick<OnlineDistillOptions, 'task'>): OptionProblem[] {
  if (task !== 'matching') return [];
  const message = 'models that compare texts by their vectors learn from a finished teacher only';
  return [{ pointer: '/task', message, hint: 'Take a train step for it' }];
}

const learnsFromTeacher = (entry: Objective): boolean => 'teacher' in entry;

/** Objectives that name a teacher by number, or have the student write; samples, which are of one model. */
export function entryProblems({ objectives, samples }: Stage, s: number, instead: string): OptionProblem[] {
  const shown = { pointer: `/stages/${s}/samples`, message: '"samples" are of a train step', hint: 'Leave it out' };
  const entries = objectives.flatMap((entry, i): OptionProblem[] => {
    const pointer = `/stages/${s}/objectives/${i}`;
    if ('student_share' in entry) {
      const message = `"${entry.type}" has a student write for a finished teacher to judge`;
      return [{ pointer, message, hint: 'Take a train step for it' }];
    }
    if (!('teacher' in entry) || entry.teacher === 1) return [];
    return [{ pointer: `${pointer}/teacher`, message: instead, hint: 'Leave it out' }];
  });
  return samples === undefined ? entries : [shown, ...entries];
}

/** Objectives that learn from layers, which an ensemble has not. */
function layerProblems({ objectives }: Stage, s: number, why: string, instead: string): OptionProblem[] {
  return objectives.flatMap((entry, i) =>
    learnsFromTeacher(entry) && entry.type !== 'soft-label'
      ? [
          {
            pointer: `/stages/${s}/objectives/${i}`,
            message: `"${entry.type}" learns from a teacher's layers, and ${why}`,
            hint: `Leave it out, or ${instead}`,
          },
        ]
      : [],
  );
}

/** A stage in which whoever has no teacher learns nothing. */
export function nothingProblems({ objectives }: Stage, s: number, who: string): OptionProblem[] {
  if (!objectives.every(learnsFromTeacher)) return [];
  const message = `all objectives of this stage learn from a teacher, and ${who}`;
  return [{ pointer: `/stages/${s}/objectives`, message, hint: 'Add hard-label' }];
}

import type { OptionProblem } from '../../engine/step.js';
import type { OnlineDistillOptions } from '../../options/online-distill.js';
import type { Objective, Stage } from '../../options/train.js';
import { problemsOf } from '../problems.js';

/** What is wrong with the options of `online-distill` that no schema can say. */
export function onlineProblems(options: OnlineDistillOptions): OptionProblem[] {
  const { peers, stages } = options;
  const asked = peers.some(({ teachers }) => teachers === 'ensemble');
  const idle = peers.findIndex(({ teachers }) => Array.isArray(teachers) && teachers.length === 0);
  return [
    ...problemsOf({ ...options, stages, teacher: undefined }),
    ...peers.flatMap((_, i) => peerProblems(peers, i)),
    ...stages.flatMap((stage, s) => [
      ...entryProblems(stage, s, 'whom a peer learns from, its own option teachers says'),
      ...(asked ? layerProblems(stage, s) : []),
      ...(idle >= 0 ? nothingProblems(stage, s, `peer ${idle + 1} learns from no other`) : []),
    ]),
    ...(peers.every(({ teachers }) => Array.isArray(teachers) && teachers.length === 0)
      ? [{ pointer: '/peers', message: 'no peer learns from another', hint: 'Give one of them teachers: others' }]
      : []),
  ];
}

function peerProblems(peers: OnlineDistillOptions['peers'], at: number): OptionProblem[] {
  const { model, teachers } = peers[at] as OnlineDistillOptions['peers'][number];
  const first = peers[0]?.model as typeof model;
  const lengths = [first, model].map((each) => ('max_length' in each ? each.max_length : undefined));
  const problems: OptionProblem[] = [];
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

const learnsFromTeacher = (entry: Objective): boolean => 'teacher' in entry;

/** Objectives that name a teacher by number, or have the student write. */
export function entryProblems({ objectives }: Stage, s: number, instead: string): OptionProblem[] {
  return objectives.flatMap((entry, i): OptionProblem[] => {
    const pointer = `/stages/${s}/objectives/${i}`;
    if (entry.type === 'gkd' || entry.type === 'minillm') {
      const message = `"${entry.type}" has a student write for a finished teacher to judge`;
      return [{ pointer, message, hint: 'Take a train step for it' }];
    }
    if (!('teacher' in entry) || entry.teacher === 1) return [];
    return [{ pointer: `${pointer}/teacher`, message: instead, hint: 'Leave it out' }];
  });
}

/** Objectives that learn from layers, which an ensemble has not. */
function layerProblems({ objectives }: Stage, s: number): OptionProblem[] {
  return objectives.flatMap((entry, i) =>
    learnsFromTeacher(entry) && entry.type !== 'soft-label'
      ? [
          {
            pointer: `/stages/${s}/objectives/${i}`,
            message: `"${entry.type}" learns from a teacher's layers, and an ensemble has none`,
            hint: 'Leave it out, or give all peers teachers: others',
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

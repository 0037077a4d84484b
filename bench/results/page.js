/**
 * docs/RESULTS.md of what all runs found.
 * @param left names of the recipes that were not run
 */
export function pageOf(results, left) {
  const set = results.flatMap(({ name, set }) => set.map((assignment) => `${name}: ${assignment}`));
  return `# Results

Written by \`npm run results\`, which runs recipes as they are committed, with other seeds, and goes on where it was killed. A
figure is the mean over the seeds ± the standard deviation of a sample; every model of a row was judged on the same test rows.
*Baseline*: the same student without a teacher, or what stands behind the stroke. *Size* is the student's parameters / the teacher's, with embeddings; *speed* the
teacher's median ms a text / the student's, at batch 1 on the machine of these runs; *retention* student / teacher.
${left.length > 0 ? `\n**Not run for this page**: ${left.join(', ')}.\n` : ''}${set.length > 0 ? `\n**Not the committed sizes**: ${set.join('; ')}.\n` : ''}
| recipe | evaluation | figure | seeds | teacher | student | baseline | student − baseline | retention | size | speed |
| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |
${results.flatMap(rowsOf).join('\n')}

Whether rows that are chosen teach more than random ones: [COVERAGE.md](COVERAGE.md).

How long a run's steps took, added up; the range over the seeds. Other work on the machine makes it longer.

| recipe | minutes |
| --- | --- |
${results.map(({ name, runs }) => `| ${name}.yaml | ${range(runs.map(({ seconds }) => seconds / 60))} |`).join('\n')}
`;
}

/** A row for each student of each evaluation, and for each that it is held against; of one without students, for its teacher. */
function rowsOf({ name, runs, twins, others, last }) {
  const [first] = runs;
  const none = new Set([...others, ...Object.values(twins).flat()]);
  return first.steps.flatMap(({ step, models }) => {
    const students = groupsOf(models.filter(({ role, name }) => role === 'student' && !none.has(baseOf(name))));
    const [teacher, yardstick] = ['teacher', 'baseline'].map((which) => models.find(({ role }) => role === which));
    if (!models.some(({ role }) => role === 'student') && teacher && yardstick)
      return [row(`${name}.yaml`, `${step}: ${teacher.name} / ${yardstick.name}`, runs.flatMap(teacherOf(step)))];
    return students.flatMap((student) =>
      (twins[student] ?? [undefined]).map((twin) =>
        row(
          `${name}.yaml`,
          `${step}: ${student}${twin ? ` / ${twin}` : ''}`,
          runs.flatMap(({ steps }) => {
            const own = steps.find((each) => each.step === step)?.models ?? [];
            const teacher = own.find(({ role }) => role === 'teacher');
            const against = (model) =>
              twin
                ? own.find((other) => other.name === twin + model.name.slice(student.length))
                : own.find(({ role }) => role === 'baseline');
            return own
              .filter((model) => model.role === 'student' && baseOf(model.name) === student)
              .slice(last ? -1 : 0)
              .map((model) => ({ teacher, baseline: against(model), student: model }));
          }),
        ),
      ),
    );
  });
}

/** Of a run, the teacher of an evaluation as if it were the student. */
const teacherOf = (step) => (run) => {
  const own = run.steps.find((each) => each.step === step)?.models ?? [];
  const [student, baseline] = ['teacher', 'baseline'].map((which) => own.find(({ role }) => role === which));
  return student ? [{ student, baseline }] : [];
};

/** @param all teacher, student and baseline of each seed */
function row(recipe, evaluation, all) {
  const { figure } = all[0].student;
  const value = (which) => all.map((one) => one[which]?.figure.value);
  const sign = figure.more ? 1 : -1;
  const ahead = all.map((one) => one.baseline && sign * (one.student.figure.value - one.baseline.figure.value));
  // Of a loss no share is kept: there the figures speak.
  const kept = all.map(
    (one) => figure.more && one.teacher && (one.student.figure.value / one.teacher.figure.value) * 100,
  );
  const size = all.map((one) => one.teacher?.parameters && one.student.parameters / one.teacher.parameters);
  const speed = all.map((one) => one.teacher?.ms && one.student.ms && one.teacher.ms / one.student.ms);
  const cells = [
    recipe,
    evaluation,
    figure.name + (figure.more ? '' : ' (less is better)'),
    String(all.length),
    spread(value('teacher')),
    spread(value('student')),
    spread(value('baseline')),
    spread(ahead, true),
    spread(kept, false, ' %', 1),
    spread(size, false, '', 3),
    spread(speed, false, '', 1),
  ];
  return `| ${cells.join(' | ')} |`;
}

function range(values) {
  const [low, high] = [Math.min(...values), Math.max(...values)].map((value) => value.toFixed(1));
  return low === high ? low : `${low} to ${high}`;
}

/** Instances of a matrix are one student. */
const baseOf = (name) => name.replace(/\[.*\]$/, '');
const groupsOf = (models) => [...new Set(models.map(({ name }) => baseOf(name)))];

/** `0.9312 ± 0.0041`; a dash where there is nothing. */
export function spread(values, signed = false, unit = '', digits = 4) {
  const known = values.filter((value) => typeof value === 'number' && Number.isFinite(value));
  if (known.length === 0) return '–';
  const mean = known.reduce((sum, x) => sum + x, 0) / known.length;
  const deviation = Math.sqrt(known.reduce((sum, x) => sum + (x - mean) ** 2, 0) / Math.max(1, known.length - 1));
  const text = `${mean < 0 ? '−' : signed ? '+' : ''}${Math.abs(mean).toFixed(digits)}`;
  return `${text}${known.length > 1 ? ` ± ${deviation.toFixed(digits)}` : ''}${unit}`;
}

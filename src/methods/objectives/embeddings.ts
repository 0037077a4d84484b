import type { Tensor } from '../../backend/tf.js';
import type { Embeddings } from '../../options/train.js';
import { type Fit, NOTHING, type Objective } from '../objective.js';
import { checkSameWidth, project, projectionSpec } from '../projection.js';
import { tokenDistance } from '../token-distance.js';

/**
 * MSE(E·Wₑᵀ, E_teacher) of the embedding outputs, mean over real tokens and teacher dimensions (TinyBERT,
 * arXiv:1909.10351, eq. 9). The paper has a projection Wₑ of its own here, its code shares one with the hidden states, as
 * `hidden-states` does with `projection: shared`.
 */
export const embeddings: Objective<Embeddings> = {
  type: 'embeddings',
  over: () => 'tokens',
  needs({ projection }, fit) {
    const { studentHidden, teacherHidden } = fit as Fit;
    if (projection === 'none') checkSameWidth('embeddings', studentHidden, teacherHidden);
    return { ...NOTHING, hiddenStates: [0] };
  },
  parameters({ projection }, fit) {
    const { studentHidden, teacherHidden } = fit as Fit;
    return projection === 'none' ? {} : { projection: projectionSpec(studentHidden, teacherHidden) };
  },
  loss(_, { student, teacher, mask, parameters }) {
    const own = project(student.hiddenStates[0] as Tensor, parameters.projection);
    return tokenDistance('mse', own, teacher.hiddenStates.get(0) as Tensor, mask);
  },
};

import type { HostTensor, HostTensors, Runner, Tensors } from '../backend/runner.js';
import type { OnPolicy, Policy } from '../methods/objective.js';
import type { TransformerConfig } from '../models/architecture.js';
import { Continuations } from '../models/continuations.js';
import { type ChooseLater, Generator } from '../models/generate.js';
import type { Parameters } from '../models/initialize.js';
import type { Random } from '../util/random.js';

/** Names under which it is fed what a student's own tokens earn. */
export const POLICY = { returns: 'policy.returns', importance: 'policy.importance' };

/** A model that writes, as it is now. */
interface Author {
  readonly config: TransformerConfig;
  readonly parameters: Parameters;
}

/** A token that was drawn: its log-probabilities by the student, by the teacher, and as it was drawn. */
interface Drawn {
  readonly token: number;
  readonly student: number;
  readonly teacher: number;
  readonly drawn: number;
}

/** Texts that a student wrote to prompts. */
export interface Rollouts {
  readonly texts: Continuations;
  /** Of each token of each text, in order. */
  readonly returns: readonly number[];
  readonly importance: readonly number[];
}

/** Lets a student write, and its teacher say how likely each token is to it. */
export class Rollout {
  private readonly student: Generator;
  private readonly teacher: Generator;

  /**
   * Throws (a bug) if one of the two is no language model.
   * @param endId ends a text
   */
  constructor(
    private readonly options: OnPolicy,
    student: Author,
    teacher: Author,
    runner: Runner,
    private readonly endId: number,
    private readonly maxLength: number,
  ) {
    this.student = new Generator(student.config, student.parameters, runner, true);
    this.teacher = new Generator(teacher.config, teacher.parameters, runner, true);
  }

  /** @param random of each prompt: what is drawn does not depend on which others there are */
  async write(prompts: readonly Int32Array[], random: (prompt: number) => Random): Promise<Rollouts> {
    const { discount, perToken } = this.options;
    const written = await Promise.all(prompts.map((prompt, i) => this.one(prompt, random(i))));
    return {
      texts: Continuations.of(
        written.map((tokens, i) => {
          const prompt = prompts[i] as Int32Array;
          return { ids: Int32Array.from([...prompt, ...tokens.map(({ token }) => token)]), given: prompt.length };
        }),
      ),
      returns: written.flatMap((tokens) => returnsOf(tokens, discount, perToken)),
      importance: written.flatMap((tokens) => tokens.map(({ student, drawn }) => Math.exp(student - drawn))),
    };
  }

  /** Both models go through a text together, token by token: each is drawn from both, or from the student. */
  private async one(prompt: Int32Array, random: Random): Promise<Drawn[]> {
    const made: Drawn[] = [];
    const most = Math.max(1, Math.min(this.options.tokens, this.maxLength - prompt.length));
    let mine: { logits: Float32Array; go: (token: number) => void } | undefined;
    let theirs: typeof mine;
    const meet =
      (student: boolean): ChooseLater =>
      (logits) =>
        new Promise((go) => {
          if (student) mine = { logits, go };
          else theirs = { logits, go };
          if (!mine || !theirs) return;
          const [a, b] = [mine, theirs];
          [mine, theirs] = [undefined, undefined];
          const drawn = this.draw(a.logits, b.logits, random);
          made.push(drawn);
          a.go(drawn.token);
          b.go(drawn.token);
        });
    const follow = async (generator: Generator, student: boolean): Promise<void> => {
      for await (const token of generator.generate(prompt, most, meet(student))) if (token === this.endId) return;
    };
    await Promise.all([follow(this.student, true), follow(this.teacher, false)]);
    return made;
  }

  private draw(own: Float32Array, theirs: Float32Array, random: Random): Drawn {
    const { temperature, mixed } = this.options;
    const common = Math.min(own.length, theirs.length);
    const [q, p] = [logSoftmax(own.subarray(0, common), 1), logSoftmax(theirs.subarray(0, common), 1)];
    const sharp = temperature === 1 ? q : logSoftmax(own.subarray(0, common), temperature);
    const likely = (i: number): number =>
      (1 - mixed) * Math.exp(sharp[i] as number) + (mixed === 0 ? 0 : mixed * Math.exp(p[i] as number));
    const point = random.uniform();
    let token = 0;
    for (let [i, sum] = [0, 0]; i < common; i++) {
      const mass = likely(i);
      if (mass > 0) token = i;
      sum += mass;
      if (sum > point) break;
    }
    return {
      token,
      student: q[token] as number,
      teacher: p[token] as number,
      drawn: Math.log(likely(token)),
    };
  }
}

function logSoftmax(logits: Float32Array, temperature: number): Float64Array {
  const scaled = Float64Array.from(logits, (x) => x / temperature);
  const most = scaled.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY);
  const all = most + Math.log(scaled.reduce((sum, x) => sum + Math.exp(x - most), 0));
  return scaled.map((x) => x - all);
}

/** For each token the discounted sum of log p/q over those after it, per token where that is asked for. */
export function returnsOf(
  tokens: readonly Pick<Drawn, 'student' | 'teacher'>[],
  discount: number,
  perToken: boolean,
): number[] {
  const returns = new Array<number>(tokens.length).fill(0);
  for (let t = tokens.length - 2; t >= 0; t--) {
    const { teacher, student } = tokens[t + 1] as Drawn;
    returns[t] = teacher - student + discount * (returns[t + 1] as number);
  }
  return perToken ? returns.map((sum, t) => sum / Math.max(1, tokens.length - t - 1)) : returns;
}

/** What `policyFeeds` fed, in a graph. */
export function fedPolicy(batch: Tensors): Policy | undefined {
  const [returns, importance] = [batch[POLICY.returns], batch[POLICY.importance]];
  return returns && importance && { returns, importance };
}

/** What each token earns, padded to `room` of them. */
export function policyFeeds(
  { returns, importance }: Pick<Rollouts, 'returns' | 'importance'>,
  room: number,
): HostTensors {
  const padded = (numbers: readonly number[]): HostTensor => {
    const data = new Float32Array(room);
    data.set(numbers);
    return { dtype: 'float32', shape: [room], data };
  };
  return { [POLICY.returns]: padded(returns), [POLICY.importance]: padded(importance) };
}

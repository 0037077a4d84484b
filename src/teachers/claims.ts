import type { Claim, Refusal } from '../engine/step.js';

/** Topics of the claims that recipes make about teachers and data. */
export const TERMS = 'teacher-terms';
export const PERMISSION = 'data-permission';

/** The value of a claim about `TERMS`: what may be trained on a teacher's answers. */
export interface Terms {
  readonly allows: 'any' | 'non-generative' | 'none';
  readonly link?: string;
  /** When they were read, `2026-11-24`. */
  readonly checked?: string;
}

/** The value of a claim about `PERMISSION`. */
export interface DataUse {
  /** Whether rows may be sent to another machine: as they are, masked, or not at all. */
  readonly permission: 'any' | 'redacted' | 'internal';
  readonly licence?: string;
  readonly personal_data?: boolean;
}

/** Why a model may not be trained on what it would be trained on. @param generative it makes texts */
export function refuseTraining(claims: readonly Claim[], generative: boolean): Refusal[] {
  return claims.flatMap((claim): Refusal[] => {
    if (claim.topic !== TERMS) return [];
    const { allows } = claim.value as unknown as Terms;
    if (allows === 'any' || (allows === 'non-generative' && !generative)) return [];
    const message =
      allows === 'none'
        ? "this would train a model on a teacher's answers, which its terms do not allow"
        : "this would train a model that makes texts on a teacher's answers, which its terms do not allow";
    return [{ claim, pointer: '', message, hint: 'Take another teacher' }];
  });
}

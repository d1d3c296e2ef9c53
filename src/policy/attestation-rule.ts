import type { Requirement } from './policy.ts';

/** A number that an evaluation must reach, or stay beneath. */
export interface MetricBound {
  readonly name: string;
  readonly relation: MetricRelation;
  readonly bound: number;
  /** As the user wrote it: `>= 0.9`. */
  readonly text: string;
}

export type MetricRelation = '>=' | '>' | '<=' | '<' | '==';

/** A statement about exactly this model that must be there. */
export interface AttestationRule {
  /** Its predicate type, a URI. */
  readonly type: string;
  /** In words: `approval for security`, `evaluation`. */
  readonly name: string;
  /** Of approvals: in which role they must have been given. */
  readonly role?: string | undefined;
  /** All of them must be met, each on its own. */
  readonly signedBy: readonly Requirement[];
  /** In milliseconds. */
  readonly maxAge?: number | undefined;
  /** Of evaluations: what must hold for what was measured. */
  readonly metrics: readonly MetricBound[];
}

/** Whether a measured number is within its bound. */
export function meetsBound({ relation, bound }: MetricBound, value: number): boolean {
  switch (relation) {
    case '>=':
      return value >= bound;
    case '>':
      return value > bound;
    case '<=':
      return value <= bound;
    case '<':
      return value < bound;
    case '==':
      return value === bound;
  }
}

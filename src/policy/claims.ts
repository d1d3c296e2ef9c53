/**
 * What Fulcio writes into certificates besides identity and issuer, by the name that policies and flags use. The numbers are
 * the last arcs of its object identifiers, 1.3.6.1.4.1.57264.1.N; 1 to 6 are the older ones, of GitHub alone. Where two say
 * the same, a certificate usually has both. `repository` is `owner/name` on GitHub in the older form, and a URL in the newer.
 */
const CLAIMS = {
  repository: [5, 12],
  'repository-id': [15],
  owner: [16],
  'owner-id': [17],
  visibility: [22],
  ref: [14, 6],
  commit: [13, 3],
  workflow: [18],
  'workflow-commit': [19],
  'workflow-name': [4],
  builder: [9],
  'builder-commit': [10],
  trigger: [20, 2],
  runner: [11],
  run: [21],
  environment: [23],
  subject: [24],
} as const satisfies Record<string, readonly number[]>;

/** A claim that a policy may ask for. */
export type ClaimName = keyof typeof CLAIMS;

/** Every {@link ClaimName}. */
export const CLAIM_NAMES = Object.keys(CLAIMS).filter(isClaimName);

/** Whether a text names a claim. */
export function isClaimName(name: string): name is ClaimName {
  return Object.hasOwn(CLAIMS, name);
}

/** The last arcs of the object identifiers that hold a claim. */
export function claimArcs(name: ClaimName): readonly number[] {
  return CLAIMS[name];
}

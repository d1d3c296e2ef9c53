import type { Finding } from '../core/index.ts';
import { pruneCommand } from '../release/index.ts';
import { layoutOf, type Store, type StoreLocation } from '../store/index.ts';
import { type PrefixState, prefixNotListed } from './check-prefix.ts';
import type { ObjectProof } from './prove-objects.ts';
import type { StoredFile } from './stored-model.ts';

/** What the findings about a release's prefix say. */
export interface PrefixFindingOptions {
  readonly store: Store;
  readonly location: StoreLocation;
  readonly number: number;
  readonly modelId: string;
  /** What to do about a file that is not what is pinned. */
  readonly remedy: string;
}

/** Every difference between a prefix and its release. `proofs` are those of the replaced files. */
export function prefixFindings(state: PrefixState, proofs: readonly ObjectProof[], options: PrefixFindingOptions): readonly Finding[] {
  const { store, location, number, modelId, remedy } = options;
  const prefix = layoutOf(location).files(modelId);
  const prune = `remove what is not of it, of which every version stays: ${pruneCommand(location, number)}`;
  const findings: Finding[] = state.absent.map(({ name, object }) => ({
    code: 'object-missing',
    severity: 'rejected',
    message: `deleted after release ${number}: a plain reader of the prefix does not get it`,
    subject: name,
    expected: `version ${object.version}`,
    got: 'nothing',
    suggestion: remedy,
  }));
  state.replaced.forEach(({ file, current }, i) => {
    findings.push(replacedFinding(file, current.version, proofs[i], options));
  });
  for (const key of state.extra) {
    findings.push({
      code: 'object-extra',
      severity: 'rejected',
      message: `not part of release ${number}: a plain reader of the prefix gets it as well`,
      subject: key.slice(prefix.length),
      expected: 'only the files of the release',
      suggestion: prune,
    });
  }
  if (state.extras > state.extra.length) {
    const message = `${state.extras - state.extra.length} more files in the prefix are not part of release ${number}`;
    findings.push({ code: 'object-extra', severity: 'rejected', message, subject: `${store.url}/${prefix}`, suggestion: prune });
  }
  if (state.notListed !== undefined) findings.push(prefixNotListed(state.notListed, `${store.url}/${prefix}`));
  return findings;
}

function replacedFinding(
  { name, object, signed }: StoredFile,
  version: string,
  proof: ObjectProof | undefined,
  { number, remedy }: PrefixFindingOptions,
): Finding {
  const base = { code: 'object-not-pinned', subject: name } as const;
  const versions = { expected: `version ${object.version}`, got: `version ${version}` };
  if (proof !== undefined && isSame(proof, object.size, signed.digests)) {
    return { ...base, severity: 'note', message: `has a newer version than release ${number} pins, with the same bytes`, ...versions };
  }
  switch (proof?.kind) {
    case 'hashed':
    case 'differs':
      return {
        ...base,
        severity: 'rejected',
        message: `changed in release ${number}`,
        ...difference(proof, signed.digests),
        suggestion: remedy,
      };
    default:
      return { ...base, severity: 'rejected', message: `has another version than release ${number} pins`, ...versions, suggestion: remedy };
  }
}

function isSame(proof: ObjectProof, size: number, digests: readonly string[]): boolean {
  if (proof.kind === 'attested') return true;
  return (
    proof.kind === 'hashed' &&
    proof.size === size &&
    proof.digests.length === digests.length &&
    proof.digests.every((digest, i) => digest === digests[i])
  );
}

function difference(
  proof: Extract<ObjectProof, { kind: 'hashed' | 'differs' }>,
  digests: readonly string[],
): Pick<Finding, 'expected' | 'got'> {
  if (proof.kind === 'differs') return { expected: proof.expected, got: proof.got };
  const first = Math.max(
    0,
    digests.findIndex((digest, i) => digest !== proof.digests[i]),
  );
  return { expected: digests[first] ?? 'no content', got: proof.digests[first] ?? 'no content' };
}

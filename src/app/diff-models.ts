import { type Finding, verdictOf } from '../core/index.ts';
import { compareFiles, digestsNeeded, type FileDiff } from './diff-files.ts';
import { type DiffModelsOptions, type DiffSide, openSides, withDigests } from './diff-sides.ts';
import { diffTensors, type TensorDiff } from './diff-tensors.ts';
import { filePath } from './model-contents.ts';

/** How two models differ. */
export interface ModelDiff extends FileDiff {
  readonly verdict: 'same' | 'differs' | 'undetermined';
  readonly a: DiffSide;
  readonly b: DiffSide;
  /** What changed inside safetensors files that are there on both sides. */
  readonly tensors: TensorDiff | undefined;
}

/**
 * Compares two models, each given as itself, by a bundle or by a manifest of `mlsign hash --json`. What is there is hashed
 * the way the other side was, and only where sizes do not already tell; of changed safetensors files, the tensors that
 * changed are named. Bundles are read, not verified.
 *
 * @param a the earlier model
 * @param b the later model
 * @throws MlsignError `file-not-found`, `not-a-model`, and what is wrong with a bundle or manifest
 * @example
 * const { verdict, changed, tensors } = await diffModels('model-v1', 'model-v2');
 */
export async function diffModels(a: string, b: string, options: DiffModelsOptions = {}): Promise<ModelDiff> {
  const sides = underOneName(...(await openSides(a, b, options)));
  const needed = digestsNeeded(...sides);
  const before = await withDigests(sides[0], needed.a, options);
  const after = await withDigests(sides[1], needed.b, options);
  const files = compareFiles(before, after);
  const tensors = await diffTensors(before, after, files, options.signal);
  const findings = [...ownFindings(before), ...ownFindings(after), ...files.findings, ...(tensors?.findings ?? [])];
  const differs = files.added.length + files.removed.length + files.changed.length + files.renamed.length > 0;
  // What was refused or could not be read was not compared.
  const isOpen = files.incomparable.length > 0 || verdictOf(findings) !== 'verified';
  return { verdict: differs ? 'differs' : isOpen ? 'undetermined' : 'same', a: before, b: after, ...files, tensors, findings };
}

/** What was seen on one side, each with the path that tells which side that is. */
function ownFindings({ source, findings }: DiffSide): readonly Finding[] {
  return source === undefined ? findings : findings.map((finding) => ({ ...finding, subject: filePath(source, finding.subject) }));
}

/** Two single files are compared with each other, whatever they are called. */
function underOneName(a: DiffSide, b: DiffSide): readonly [DiffSide, DiffSide] {
  const [nameA, nameB] = [singleName(a), singleName(b)];
  if (nameA === undefined || nameB === undefined) return [a, b];
  const name = nameA === '.' ? nameB : nameA;
  return [underName(a, name), underName(b, name)];
}

function singleName({ input, files, name }: DiffSide): string | undefined {
  const [only, ...others] = files.keys();
  if (only === undefined || others.length > 0 || input === 'directory') return undefined;
  return input === 'file' || only === '.' || only === name ? only : undefined;
}

function underName(side: DiffSide, name: string): DiffSide {
  return { ...side, files: new Map([...side.files.values()].map((facts) => [name, facts])) };
}

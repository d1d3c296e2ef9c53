import type { Finding } from '../core/index.ts';
import type { Source } from '../model/index.ts';
import { companionDirectory, companionSignatures } from './locations.ts';

/** More than any honest model has. */
const MOST_FURTHER = 64;

/**
 * The signatures beside a model, as many as are looked at: whoever may write there can put any number.
 *
 * @param findings gets `too-many-signatures` where there are more
 */
export async function furtherSignatures(source: Source, findings: Finding[]): Promise<readonly string[]> {
  const paths = await companionSignatures(source);
  if (paths.length > MOST_FURTHER) {
    findings.push({
      code: 'too-many-signatures',
      severity: 'undetermined',
      message: `of ${paths.length} further signatures only the first ${MOST_FURTHER} by name were looked at`,
      subject: companionDirectory(source),
      expected: `at most ${MOST_FURTHER}`,
      got: `${paths.length}`,
      suggestion: 'remove those that are of no use, or name those that count with --signature',
    });
  }
  return paths.slice(0, MOST_FURTHER);
}

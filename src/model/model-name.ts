import { refused } from '../core/index.ts';
import { checkResourceName } from '../formats/index.ts';

/**
 * The name of a model, which becomes the subject of its signature: as that of a file, but a backslash does no harm in it.
 *
 * @param where names the model or manifest in errors
 * @throws MlsignError `name-invalid`
 */
export function parseModelName(name: string, where: string): string {
  const reason = checkResourceName(name.replaceAll('\\', '_'));
  if (reason === undefined) return name;
  throw refused('name-invalid', `a model may not be named so: the name ${reason}`, {
    subject: where,
    expected: 'one segment of a path, of valid UTF-8 without control characters',
    got: name,
    suggestions: ['rename it'],
  });
}

import { usage } from '../core/index.ts';

/**
 * Refuses flags without a value (`--key "$UNSET"`): an empty path would be the working directory.
 *
 * @throws MlsignError `flag-empty`
 */
export function refuseEmptyFlags(flags: object): void {
  for (const [name, value] of Object.entries(flags)) {
    const values: readonly unknown[] = Array.isArray(value) ? value : [value];
    if (!values.includes('')) continue;
    throw usage('flag-empty', 'the value of a flag is empty', {
      subject: `--${name}`,
      suggestions: ['leave the flag out, or give it a value: is a variable not set?'],
    });
  }
}

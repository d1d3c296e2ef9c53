import { refused } from '../core/index.ts';
import { checkResourceName } from '../formats/index.ts';

declare const modelPath: unique symbol;

/** The path of a file inside a model: relative, `/` between segments, the same on every platform (OMS §6.1.2). */
export type ModelPath = string & { readonly [modelPath]: true };

/** Whether a string may name a file of a model. */
export function isModelPath(text: string): text is ModelPath {
  return checkResourceName(text) === undefined;
}

/**
 * The path that a string names.
 *
 * @throws MlsignError `name-invalid`
 */
export function parseModelPath(text: string): ModelPath {
  if (isModelPath(text)) return text;
  throw refused('name-invalid', `a file of the model may not be named so: the name ${checkResourceName(text)}`, {
    subject: text,
    expected: 'a relative path of valid UTF-8, with "/" between its segments',
  });
}

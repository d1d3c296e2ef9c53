import { usage } from '../core/index.ts';
import { checkIgnorePath, DEFAULT_IGNORED } from '../formats/index.ts';

/**
 * The path that a user asks to ignore: exact, relative to the model's root, in the form that manifests hold (OMS §6.2.1).
 * A leading `./` and a trailing `/` are dropped.
 *
 * @throws MlsignError `ignore-path-invalid`
 */
export function parseIgnorePath(text: string): string {
  const path = text.replace(/^(?:\.\/)+/u, '').replace(/(?<=[^/])\/$/u, '');
  const reason = checkIgnorePath(path);
  if (reason === undefined) return path;
  throw usage('ignore-path-invalid', `not a path that can be ignored: it ${reason}`, {
    subject: text,
    expected: "an exact path relative to the model's root, such as .cache/huggingface",
    suggestions: ['give each path by itself (the option can be repeated): no patterns, no "..", "/" between segments'],
  });
}

/** Whether a file or directory of a model is left out: it is an ignored path, or inside one, or one of the default ones at the root. */
export function isIgnored(name: string, ignorePaths: readonly string[]): boolean {
  return ignorePaths.some((path) => covers(path, name)) || DEFAULT_IGNORED.some((path) => covers(path, name));
}

function covers(path: string, name: string): boolean {
  return name.startsWith(path) && (name.length === path.length || name[path.length] === '/');
}

import { dirname, resolve } from 'node:path';
import { Decoder, MlsignError, readCapped, sha256Hex, usage } from '../core/index.ts';
import { decodeDocument } from './decode-document.ts';
import type { LoadPolicyOptions, OpenedPolicy } from './load-policy.ts';
import { loadPrincipals } from './load-principals.ts';
import { modelLocation } from './pattern.ts';
import { buildRules } from './rules.ts';
import { describePlace, invalid, parseYaml, type YamlDocument } from './yaml.ts';

/** More than any policy that people read; what it may cost to read is bounded with it. */
const MAX_POLICY_BYTES = 256 * 1024;

/** Reads a policy file, as `openPolicy` says. */
export async function readPolicyFile(path: string, options: LoadPolicyOptions, given?: Uint8Array): Promise<OpenedPolicy> {
  const file = resolve(path);
  // Read once: the bytes that were signed are the bytes that are parsed.
  const bytes = given ?? (await readBytes(path));
  const signing = (await options.authenticate?.(bytes, path)) ?? [];
  const yaml = parseYaml(bytes, path);
  if (yaml.value === null) throw invalid(path, ['the file is empty: it needs version, principals and rules']);
  const decoder = new Decoder();
  const document = decodeDocument(decoder, yaml.value);
  finish(decoder, yaml, path);
  const { principals, files } = await loadPrincipals(decoder, document.principals, dirname(file), options);
  const rules = buildRules(decoder, document, principals, modelLocation(dirname(file)));
  finish(decoder, yaml, path);
  const all = [file, ...signing, ...files];
  return { policy: { source: path, digest: sha256Hex(bytes), files: all, principals: [...principals.values()], rules }, document };
}

async function readBytes(path: string): Promise<Uint8Array> {
  try {
    return await readCapped(path, MAX_POLICY_BYTES, 'policy');
  } catch (error) {
    if (!(error instanceof MlsignError)) throw error;
    if (error.code === 'file-too-large') throw invalid(path, [`the file is larger than ${MAX_POLICY_BYTES} bytes`]);
    const { message, expected, got, suggestions } = error;
    throw usage('policy-unreadable', message, { subject: path, expected, got, suggestions, cause: error });
  }
}

/** Throws one error for everything that is wrong, in the order of the file. */
function finish({ problems }: Decoder, { locate }: YamlDocument, where: string): void {
  if (problems.length === 0) return;
  const placed = problems.map((problem) => ({ ...problem, place: locate(problem.path) }));
  placed.sort((a, b) => a.place.line - b.place.line || a.place.column - b.place.column);
  const lines = placed.map(
    ({ place, path, expected, got }) => `${describePlace(place)}: ${path || 'the policy'}: expected ${expected}, got ${got}`,
  );
  throw invalid(where, lines, placed[0]);
}

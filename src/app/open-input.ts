import { readCapped } from '../core/index.ts';
import { withFile } from '../filetypes/index.ts';
import type { Manifest } from '../formats/index.ts';
import { MANIFEST_TYPE, MAX_MANIFEST_BYTES, parseManifestDocument, type Source } from '../model/index.ts';
import { type OpenModelOptions, openModel } from './open-model.ts';
import { type ReadBundle, readBundle } from './read-bundle.ts';

/** What a path holds: a model, a signature, or a manifest that `mlsign hash --json` wrote. */
export type Input =
  | { readonly kind: 'model'; readonly path: string; readonly source: Source }
  | ({ readonly kind: 'bundle' } & ReadBundle)
  | { readonly kind: 'manifest'; readonly path: string; readonly name: string; readonly manifest: Manifest };

const HEAD_BYTES = 64 * 1024;
const BUNDLE = /"(?:dsseEnvelope|verificationMaterial|messageSignature)"\s*:|"application\/vnd\.dev\.sigstore\.bundle/;

/**
 * Opens a model, a bundle or a manifest; the content says which, and the endings `.sig` and `.att` always mean a bundle.
 *
 * @throws MlsignError `file-not-found`, `not-a-model`, `file-too-large`, and what {@link readBundle} and {@link parseManifestDocument} throw
 */
export async function openInput(path: string, options: OpenModelOptions = {}): Promise<Input> {
  const source = await openModel(path, options);
  if (source.kind !== 'file') return { kind: 'model', path, source };
  const head = await withFile(source.path, async (file) => (await file.read(0, HEAD_BYTES)).toString('utf8').trimStart());
  if (/\.(sig|att)$/.test(path) || (head.startsWith('{') && BUNDLE.test(head))) {
    return { kind: 'bundle', ...(await readBundle(path)) };
  }
  if (head.startsWith('{') && head.includes(`"${MANIFEST_TYPE}"`)) {
    const { subjectName, manifest } = parseManifestDocument(await readCapped(path, MAX_MANIFEST_BYTES, 'manifest'), path);
    return { kind: 'manifest', path, name: subjectName, manifest };
  }
  return { kind: 'model', path, source };
}

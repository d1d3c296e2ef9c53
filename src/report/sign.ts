import type { KeyPairFiles, SignedModel, WrittenSignature } from '../app/index.ts';
import { escapeText } from './escape.ts';
import { formatBytes, formatCount } from './quantity.ts';
import type { Style } from './style.ts';

/** What `mlsign sign --json` prints: `schemas/sign.schema.json`. */
export function signDocument({ signatures, name, modelId, modelDigest, manifest, read, findings }: SignedModel): object {
  return {
    type: 'https://mlsign/sign-result/v1',
    model: { name, resources: manifest.resources.length, ...(read ?? {}) },
    model_id: modelId,
    model_digest: modelDigest,
    bytes_read: read !== undefined,
    signatures: signatures.map(signatureDocument),
    findings,
  };
}

/** A bundle that was written, as documents have it. */
export function signatureDocument({ path, signer, bundle, isPrehashed }: WrittenSignature): object {
  return {
    path,
    signer: { method: signer.material.kind, description: signer.description, scheme: signer.scheme, prehashed: isPrehashed },
    timestamps: bundle.timestamps.length,
    log_entries: bundle.tlogEntries.length,
  };
}

/** What was signed, for people. */
export function signText({ signatures, name, modelId, manifest, read }: SignedModel, style: Style): string {
  const what =
    read === undefined
      ? `${formatCount(manifest.resources.length, 'resource')}; no byte of the model was read, the manifest was signed as it is`
      : `${formatCount(read.files, 'file')}, ${formatBytes(read.bytes)}`;
  const lines = [`${style.good('signed')}     ${style.bold(escapeText(name))}  ${what}`, `model id   ${modelId}`];
  for (const signature of signatures) lines.push(...signatureLines(signature, style));
  return `${lines.join('\n')}\n`;
}

/** A bundle that was written, for people. */
export function signatureLines({ path, signer, bundle, isPrehashed }: WrittenSignature, style: Style): readonly string[] {
  const lines = [`signer     ${escapeText(signer.description)}  ${style.dim(signer.scheme)}`];
  if (isPrehashed) lines.push(`note       ${style.attention('Ed25519ph over SHA-512: few verifiers but mlsign know this form')}`);
  const proofs = [countOf(bundle.timestamps, 'timestamp', 'timestamps'), countOf(bundle.tlogEntries, 'log entry', 'log entries')];
  const proof = proofs.filter((text) => text !== '').join(', ');
  if (proof !== '') lines.push(`proof      ${proof}`);
  return [...lines, `signature  ${escapeText(path)}`];
}

function countOf({ length }: readonly unknown[], one: string, many: string): string {
  return length === 0 ? '' : `${length} ${length === 1 ? one : many}`;
}

/** What `mlsign keygen --json` prints: `schemas/keygen.schema.json`. */
export function keyPairDocument(pair: KeyPairFiles): object {
  return {
    type: 'https://mlsign/keygen-result/v1',
    key_type: pair.type,
    private_key: pair.privateKey,
    public_key: pair.publicKey,
    hint: pair.hint,
    encrypted: pair.encrypted,
  };
}

/** A new key pair, for people. */
export function keyPairText(pair: KeyPairFiles, style: Style): string {
  const protection = pair.encrypted ? 'encrypted' : style.attention('not encrypted: whoever reads it can sign');
  return [
    `private key  ${escapeText(pair.privateKey)}  ${pair.type}, ${protection}`,
    `public key   ${escapeText(pair.publicKey)}  ${style.dim('give this to those who verify')}`,
    `key id       ${pair.hint}`,
    '',
  ].join('\n');
}

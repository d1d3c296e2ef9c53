import type { FormatCount, InspectedManifest, InspectedSignature, Inspection, SignatureAndManifest } from '../app/index.ts';
import type { CertificateInfo } from '../formats/index.ts';

/** What `mlsign inspect --json` prints: `schemas/inspect.schema.json`. */
export function inspectDocument({ path, input, model, signatures, attestations, manifest, findings }: Inspection): object {
  return {
    type: 'https://mlsign/inspect-result/v1',
    verified: false,
    path,
    input,
    ...(model === undefined ? {} : { model: modelDocument(model) }),
    signatures: signatures.map(signatureDocument),
    attestations: attestations.map((signature) => signatureDocument({ signature, manifest: undefined })),
    ...(manifest === undefined ? {} : { manifest: manifestDocument(manifest) }),
    findings,
  };
}

function modelDocument(model: NonNullable<Inspection['model']>): object {
  const { source, weights, files, bytes, formats, tensors, parameters, dtypes, architecture, classes, adapter, partSets, code } = model;
  return {
    name: source.name,
    files,
    bytes,
    ...(weights === undefined ? {} : { weights: weights.format }),
    formats: formats.map(formatDocument),
    code: code.map(({ name, runsCode, imports, parts, isComplete }) => ({
      name,
      runs_code: runsCode,
      complete: isComplete,
      imports: imports.map(({ module, name: imported }) => `${module}.${imported}`),
      parts: parts.map(({ format, where, what, runsCode: runs }) => ({ format, where, what, runs_code: runs })),
    })),
    tensors,
    parameters,
    dtypes,
    ...(architecture === undefined ? {} : { architecture }),
    classes,
    ...(adapter === undefined ? {} : { adapter }),
    part_sets: partSets.map(({ name, hasIndex, parts, missing, unnamed }) => ({ name, has_index: hasIndex, parts, missing, unnamed })),
  };
}

function signatureDocument({ signature, manifest }: SignatureAndManifest): object {
  const { path, sha256, mediaType, algorithm, times, predicateType, subjects, statement } = signature;
  return {
    path,
    sha256,
    media_type: mediaType,
    signer: signerDocument(signature.signer),
    ...(algorithm === undefined ? {} : { algorithm: { scheme: algorithm.scheme, implied_by: algorithm.from } }),
    times: times.map(({ kind, at }) => ({ kind, ...(at === undefined ? {} : { at: at.toISOString() }), proven: false })),
    predicate_type: predicateType,
    subjects,
    ...(statement === undefined ? {} : { form: statement.form }),
    ...(manifest === undefined ? {} : { manifest: manifestDocument(manifest) }),
  };
}

function signerDocument(signer: InspectedSignature['signer']): object {
  switch (signer.kind) {
    case 'key':
      return { method: 'key', ...(signer.hint === undefined ? {} : { hint: signer.hint }), key_embedded: signer.embedded };
    case 'certificate':
    case 'sigstore':
      return {
        method: signer.kind,
        certificate: certificateDocument(signer.certificate),
        issuers: signer.issuers.map(certificateDocument),
      };
  }
}

function certificateDocument({ notBefore, notAfter, alternativeNames, ...names }: CertificateInfo): object {
  return { ...names, alternative_names: alternativeNames, not_before: notBefore.toISOString(), not_after: notAfter.toISOString() };
}

function manifestDocument(manifest: InspectedManifest): object {
  const { name, modelDigest, modelId, resources, files, bytes, formats, coverage } = manifest;
  const { method, hashType, shardSize, allowSymlinks, ignorePaths } = manifest.serialization;
  return {
    name,
    model_id: modelId,
    model_digest: modelDigest,
    serialization: {
      method,
      hash_type: hashType,
      ...(shardSize === undefined ? {} : { shard_size: shardSize }),
      allow_symlinks: allowSymlinks,
      ignore_paths: ignorePaths,
    },
    resources,
    files,
    ...(bytes === undefined ? {} : { bytes }),
    formats: formats.map(formatDocument),
    ...(coverage === undefined ? {} : { coverage }),
  };
}

function formatDocument({ format, label, files, bytes }: FormatCount): object {
  return { format, label, files, ...(bytes === undefined ? {} : { bytes }) };
}

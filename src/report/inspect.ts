import type { ClaimedSigner, FormatCount, InspectedManifest, InspectedSignature, Inspection, SignatureAndManifest } from '../app/index.ts';
import type { CertificateInfo } from '../formats/index.ts';
import { escapeText } from './escape.ts';
import { findingLines, suggestionLines } from './findings.ts';
import { formatBytes, formatCount, groupDigits } from './quantity.ts';
import type { Style } from './style.ts';

const LIST_LIMIT = 10;

type Model = NonNullable<Inspection['model']>;

const TRUST = { key: '--trust-key SIGNER.pub', certificate: '--ca ROOT.pem', sigstore: '--identity ID --issuer URL' } as const;

/** What was inspected, for people; the last line says that nothing was verified. */
export function inspectText(inspection: Inspection, style: Style): string {
  const { path, model, signatures, attestations, manifest, findings } = inspection;
  const lines: string[] = [];
  if (model !== undefined) lines.push(...modelLines(model, style), '');
  if (manifest !== undefined) lines.push(style.bold(`manifest  ${escapeText(path)}`), ...manifestLines(manifest, style), '');
  for (const signature of signatures) lines.push(...signatureLines(signature, style), '');
  if (attestations.length > 0) lines.push(...attestationLines(attestations, style), '');
  if (model !== undefined && signatures.length === 0) lines.push(style.attention('no signature'), '');
  if (findings.length > 0) lines.push('findings', ...findingLines(findings, style), ...suggestionLines(findings), '');
  lines.push(`${style.attention('nothing was verified')}: ${nextStep(inspection)}`, '');
  return lines.join('\n');
}

function nextStep({ input, path, signatures }: Inspection): string {
  const named = escapeText(/\s/.test(path) ? `"${path}"` : path);
  const [first] = signatures;
  const trust = first === undefined ? TRUST.key : TRUST[first.signature.signer.kind];
  if (input === 'manifest') return `run mlsign diff ${named} MODEL to compare a model with it`;
  if (input === 'bundle') return `run mlsign verify MODEL --signature ${named} ${trust}`;
  return first === undefined ? `sign it with mlsign sign ${named} --key KEY` : `run mlsign verify ${named} ${trust}`;
}

function modelLines(model: Model, style: Style): readonly string[] {
  const { source, files, bytes } = model;
  const lines = [`${style.bold(escapeText(source.name))}  ${source.kind}, ${formatCount(files, 'file')}, ${formatBytes(bytes)}`];
  lines.push(row('kind', escapeText(kindWords(model))));
  if (model.tensors > 0) {
    const dtypes = model.dtypes.slice(0, 4).join(', ');
    lines.push(
      row('tensors', `${formatCount(model.tensors, 'tensor')}, ${formatParameters(model.parameters)} parameters, ${escapeText(dtypes)}`),
    );
  }
  lines.push(...formatRows(model.formats, style), ...codeRows(model.code, style));
  return lines;
}

/** What can run code, and what it asks for; templates that stay in their sandbox are only in the document. */
function codeRows(code: Model['code'], style: Style): readonly string[] {
  const told = code.filter(({ runsCode, isComplete }) => runsCode || !isComplete);
  const lines = told.slice(0, LIST_LIMIT).map(({ name, imports, parts, runsCode, isComplete }, i) => {
    const names = imports.slice(0, LIST_LIMIT).map(({ module, name: imported }) => `${module}.${imported}`);
    if (imports.length > LIST_LIMIT) names.push(`${imports.length - LIST_LIMIT} more`);
    const reason = names.length > 0 ? `imports ${names.join(', ')}` : (parts.find((part) => part.runsCode)?.what ?? '');
    const unknown = isComplete ? '' : 'not looked through wholly';
    const what = [runsCode ? reason : '', unknown].filter((words) => words !== '').join('; ');
    return row(i === 0 ? 'code' : '', `${style.attention(escapeText(name))}  ${escapeText(what)}`);
  });
  if (told.length > LIST_LIMIT) lines.push(row('', `and ${told.length - LIST_LIMIT} more`));
  return lines;
}

/** `LoRA adapter of meta-llama/X, safetensors`; `safetensors in 4 parts, llama (LlamaForCausalLM)`. */
function kindWords({ weights, adapter, partSets, architecture, classes }: Model): string {
  const format = weights?.label ?? 'no weights that are known';
  const [set] = partSets;
  const parts = set === undefined ? '' : ` in ${formatCount(set.parts, 'part')}`;
  const design = architecture === undefined ? classes.join(', ') : `${architecture}${classes.length > 0 ? ` (${classes.join(', ')})` : ''}`;
  const words = [`${format}${parts}`, ...(design === '' ? [] : [design])];
  if (adapter !== undefined) words.unshift(`${adapter.type ?? 'an'} adapter of ${adapter.base ?? 'a base that it does not name'}`);
  return words.join(', ');
}

function signatureLines({ signature, manifest }: SignatureAndManifest, style: Style): readonly string[] {
  const { path, algorithm, times, statement, predicateType, subjects } = signature;
  const form = statement === undefined ? predicateType : `OMS ${statement.form}`;
  const lines = [`${style.bold(`signature  ${escapeText(path)}`)}  ${style.dim(escapeText(form))}`, ...signerRows(signature.signer, style)];
  lines.push(row('algorithm', algorithm === undefined ? 'not told' : algorithmWords(algorithm)));
  lines.push(row('time', times.length === 0 ? 'not told' : times.map(timeWords).join('; ')));
  if (manifest === undefined) lines.push(row('about', `${escapeText(subjects.join(', '))}  ${style.dim('(not the content of a model)')}`));
  else lines.push(...manifestLines(manifest, style));
  return lines;
}

/** A line each: what it says is not for this command. */
function attestationLines(attestations: readonly InspectedSignature[], style: Style): readonly string[] {
  return [
    style.bold(formatCount(attestations.length, 'attestation')),
    ...attestations.slice(0, LIST_LIMIT).map(({ path, predicateType }) => `  ${escapeText(path)}  ${style.dim(escapeText(predicateType))}`),
    ...(attestations.length > LIST_LIMIT ? [`  and ${groupDigits(attestations.length - LIST_LIMIT)} more`] : []),
  ];
}

function signerRows(signer: ClaimedSigner, style: Style): readonly string[] {
  switch (signer.kind) {
    case 'key': {
      const hint = signer.hint === undefined ? 'that the bundle does not name' : escapeText(signer.hint);
      return [row('signer', `the key ${hint}${signer.embedded ? style.dim('  (in the bundle)') : ''}`)];
    }
    case 'certificate':
      return certificateRows('signer', signer.certificate, signer.issuers, style);
    case 'sigstore':
      return certificateRows('sigstore', signer.certificate, signer.issuers, style);
  }
}

function certificateRows(label: string, leaf: CertificateInfo, issuers: readonly CertificateInfo[], style: Style): readonly string[] {
  const names = [leaf.subject, ...leaf.alternativeNames].filter((name) => name !== '').join(', ');
  return [
    row(label, escapeText(names === '' ? 'a certificate without a name' : names)),
    row('issuer', escapeText(leaf.issuer)),
    row('valid', `${day(leaf.notBefore)} to ${day(leaf.notAfter)}`),
    row('fingerprint', leaf.fingerprint),
    ...issuers.map((issuer) =>
      row('chain', `${escapeText(issuer.subject)}  ${style.dim(`${day(issuer.notBefore)} to ${day(issuer.notAfter)}`)}`),
    ),
  ];
}

function algorithmWords({ title, from }: NonNullable<InspectedSignature['algorithm']>): string {
  return `${title}, as ${from === 'key' ? 'the key in the bundle' : 'the form of the signature'} implies`;
}

function timeWords({ kind, at }: InspectedSignature['times'][number]): string {
  const source = kind === 'timestamp' ? 'a timestamp' : 'a transparency log';
  return at === undefined ? `${source} that cannot be read` : `${at.toISOString()} by ${source}, not proven`;
}

function manifestLines(manifest: InspectedManifest, style: Style): readonly string[] {
  const { name, modelId, modelDigest, files, bytes, coverage } = manifest;
  const lines = [
    row('model', name === '' ? 'not named' : escapeText(name)),
    row('model id', modelId),
    row('digest', modelDigest),
    row('hashed as', hashedAs(manifest)),
    row('covers', `${formatCount(files, 'file')}${bytes === undefined ? '' : `, ${formatBytes(bytes)}`}`),
  ];
  if (coverage === undefined) lines.push(...formatRows(manifest.formats, style));
  const { ignorePaths } = manifest.serialization;
  if (coverage === undefined && ignorePaths.length > 0) lines.push(row('leaves out', list(ignorePaths)));
  if (coverage !== undefined) {
    if (coverage.missing.length > 0) lines.push(row('missing', style.attention(list(coverage.missing))));
    const open = coverage.unlisted.length + coverage.ignored.length === 0;
    if (coverage.unlisted.length > 0) lines.push(row('not covered', style.attention(list(coverage.unlisted))));
    if (coverage.ignored.length > 0) lines.push(row('ignored', style.attention(list(coverage.ignored))));
    if (open) lines.push(row('not covered', 'nothing'));
  }
  return lines;
}

function hashedAs({ serialization: { method, hashType, shardSize, allowSymlinks } }: InspectedManifest): string {
  const how = method === 'shards' ? `shards of ${formatBytes(shardSize ?? 0)}` : 'whole files';
  return `${hashType}, ${how}${allowSymlinks ? ', symbolic links followed' : ''}`;
}

function formatRows(formats: readonly FormatCount[], style: Style): readonly string[] {
  const width = Math.max(...formats.map(({ label }) => label.length));
  return formats.map(({ label, files, bytes }, i) => {
    const size = bytes === undefined ? '' : `, ${formatBytes(bytes)}`;
    return row(i === 0 ? 'formats' : '', `${label.padEnd(width)}  ${style.dim(`${formatCount(files, 'file')}${size}`)}`);
  });
}

function list(names: readonly string[]): string {
  const rest = names.length - LIST_LIMIT;
  return `${escapeText(names.slice(0, LIST_LIMIT).join(', '))}${rest > 0 ? ` and ${groupDigits(rest)} more` : ''}`;
}

function row(label: string, text: string): string {
  return `  ${label.padEnd(13)}${text}`;
}

function day(date: Date): string {
  return date.toISOString().slice(0, 10);
}

/** `7.2 billion`, as people speak of models. */
function formatParameters(count: number): string {
  if (count >= 1e9) return `${(count / 1e9).toFixed(1)} billion`;
  return count >= 1e6 ? `${(count / 1e6).toFixed(1)} million` : groupDigits(count);
}

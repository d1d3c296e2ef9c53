import type { FormatEvidence, JudgedSignature, RevocationEvidence, StoredEvidence, Verification } from '../app/index.ts';
import type { Check, Finding } from '../core/index.ts';
import { attestationLines, attestationsDocument } from './attestations.ts';
import { escapeText } from './escape.ts';
import { findingLine, findingLines, suggestionLines, worstFirst } from './findings.ts';
import { lineageGraph, treeLines } from './lineage.ts';
import { formatBytes, formatCount, formatTime } from './quantity.ts';
import type { Style } from './style.ts';
import { verdictWord } from './verdict-word.ts';

const CHECK_MARKS = { passed: '✓', failed: '✗', skipped: '-', 'not-applicable': '-', 'could-not-run': '?' } as const;

/** What `mlsign verify --json` prints: `schemas/verification.schema.json`. */
export function verificationDocument({
  verdict,
  source,
  policy,
  signatures,
  signed,
  read,
  unsigned,
  formats,
  stored,
  revocations,
  lineage,
  attestations,
  base,
  checks,
  findings,
}: Verification): object {
  return {
    type: 'https://mlsign/verification/v1',
    verdict,
    model: { path: source.path, name: source.name, kind: source.kind },
    policy: { source: policy.source, ...(policy.digest === undefined ? {} : { sha256: policy.digest }), rule: policy.rule },
    ...(signed === undefined ? {} : { model_id: signed.modelId, model_digest: signed.modelDigest }),
    ...(read === undefined ? {} : { read }),
    ...(stored === undefined ? {} : { stored: storedDocument(stored) }),
    revocations: revocations.map(revocationsDocument),
    ...(lineage === undefined ? {} : { lineage: lineageGraph(lineage) }),
    ...(attestations === undefined ? {} : { attestations: attestationsDocument(attestations) }),
    ...(base === undefined ? {} : { base: verificationDocument(base) }),
    signatures: signatures.map(signatureDocument),
    unsigned,
    ...(formats === undefined ? {} : { formats: formatsDocument(formats) }),
    checks,
    findings,
  };
}

/** What the files of a model are, as documents have it. */
export function formatsDocument({ by, files, allowedCode, notExamined }: FormatEvidence): object {
  return { by, files, allowed_code: allowedCode, not_examined: notExamined };
}

/** A revocation list as documents have it. */
export function revocationsDocument({ place, name, sequence, digest, issued, expires, entries, signer }: RevocationEvidence): object {
  return { place, name, sequence, sha256: digest, issued: issued.toISOString(), expires: expires.toISOString(), entries, signer };
}

function storedDocument({ location, release, channel, files }: StoredEvidence): object {
  return {
    location,
    ...(release === undefined
      ? {}
      : { release: { number: release.number, sha256: release.digest, version: release.version, signer: release.signer } }),
    ...(channel === undefined
      ? {}
      : {
          channel: {
            name: channel.name,
            sequence: channel.sequence,
            sha256: channel.digest,
            expires: channel.expires.toISOString(),
            signer: channel.signer,
          },
        }),
    files: files.map(({ name, version, by }) => ({ name, version, evidence: by })),
  };
}

function signatureDocument({ path, statement, counted }: JudgedSignature): object {
  if (statement === undefined) return { path, trusted: false, counted };
  const { signer, signedBy, bundleDigest, times, logs } = statement;
  const { certificate, identity } = signer;
  return {
    path,
    trusted: true,
    counted,
    sha256: bundleDigest,
    principals: signedBy.map(({ principal }) => principal.name),
    signer: {
      method: signer.kind,
      description: signer.description,
      scheme: signer.scheme,
      ...(signer.hint === undefined ? {} : { hint: signer.hint }),
      ...(certificate === undefined
        ? {}
        : {
            certificate: {
              subject: certificate.subject,
              issuer: certificate.issuer,
              serial: certificate.serial,
              fingerprint: certificate.fingerprint,
              not_before: certificate.notBefore.toISOString(),
              not_after: certificate.notAfter.toISOString(),
            },
          }),
      ...(identity === undefined
        ? {}
        : { identity: { name: identity.identity, issuer: identity.issuer, claims: Object.fromEntries(identity.claims) } }),
    },
    times: times.map(({ time, by, authority }) => ({ time: time.toISOString(), by, authority })),
    logs: logs.map(({ log, index }) => ({ log, index })),
  };
}

/** The verdict in one line, for a log with many models: `rejected: llama: model.safetensors: the content changed (expected 3f2a…, got 91bc…)`. */
export function verdictLine(verification: Verification): string {
  const { verdict, source, stored, findings } = verification;
  const [worst] = worstFirst(findings);
  if (verdict === 'verified' || worst === undefined) return `${verdict}: ${escapeText(source.name)}`;
  const others = findings.filter(({ severity }) => severity === verdict).length - 1;
  const more = others > 0 ? ` and ${formatCount(others, 'more finding')}` : '';
  if (stored === undefined) return `${verdict}: ${escapeText(source.name)}: ${findingLine(worst)}${more}`;
  // Whoever is called at night finds what to do in the same line.
  return `${verdict}: ${findingSentence(worst)}${more}${worst.suggestion === undefined ? '' : `. ${escapeText(worst.suggestion)}`}`;
}

/** `model.safetensors changed in release 7 (expected 3f2a…, got 91bc…)`: what says so by itself needs no colon. */
function findingSentence(finding: Finding): string {
  const line = findingLine(finding);
  return finding.message.startsWith('changed in release ') ? line.replace(': changed', ' changed') : line;
}

/** A verification for people: the verdict, who signed, every finding, what to do, and what was checked. */
export function verificationText(verification: Verification, style: Style): string {
  const { verdict, source, signatures, signed, read, stored, lineage, base, policy, checks, findings } = verification;
  const emphasis = verdict === 'verified' ? style.good : verdict === 'rejected' ? style.bad : style.attention;
  const size = read === undefined ? '' : `  ${formatCount(read.files, 'file')}, ${formatBytes(read.bytes)}`;
  const lines = [`${emphasis(style.bold(verdict))}  ${style.bold(escapeText(source.name))}${stored === undefined ? size : ''}`];
  const byRule = `policy     ${escapeText(policy.source)}${policy.rule === policy.source ? '' : style.dim(`  rule ${escapeText(policy.rule)}`)}`;
  if (verdict !== 'verified') lines.push(...decisionLines(verification), byRule);
  if (stored !== undefined) lines.push(...storedLines(stored, size, style));
  const summary = checks.find(({ name, status }) => name === 'vsa' && status === 'passed');
  if (summary !== undefined) lines.push(`by summary ${style.dim(escapeText(summary.detail))}`);
  for (const { statement, counted, path } of signatures) {
    if (statement === undefined) continue;
    const names = statement.signedBy.map(({ principal }) => principal.name).join(', ');
    if (!counted) {
      lines.push(style.dim(`not counted  ${escapeText(`${names}, in ${path}`)}`));
      continue;
    }
    lines.push(`signed by  ${escapeText(names)}  ${style.dim(escapeText(`${statement.signer.description}, ${statement.signer.scheme}`))}`);
    for (const { time, authority } of statement.times)
      lines.push(`signed at  ${time.toISOString()}  ${style.dim(escapeText(`or before, says ${authority}`))}`);
    for (const { log, index } of statement.logs) lines.push(`logged in  ${escapeText(log)}  ${style.dim(`entry ${index}`)}`);
  }
  if (signed !== undefined) lines.push(`model id   ${signed.modelId}`);
  if (verdict === 'verified') lines.push(byRule);
  for (const { place, sequence, entries, expires } of verification.revocations) {
    const details = `sequence ${sequence}, ${formatCount(entries, 'revocation')}, until ${formatTime(expires)}`;
    lines.push(`revoked    ${escapeText(place)}  ${style.dim(details)}`);
  }
  lines.push(...attestationLines(verification.attestations ?? [], style));
  if (lineage !== undefined && lineage.nodes.length > 1)
    lines.push('made from', ...treeLines(lineage, 'ancestors', style).map((line) => `  ${line}`));
  if (base !== undefined) lines.push(`with base  ${escapeText(base.source.path)}  ${verdictWord(base.verdict, style)}`);
  if (findings.length > 0) lines.push('findings', ...findingLines(findings, style));
  const width = Math.max(...checks.map(({ name }) => name.length));
  const line = ({ name, status, detail }: Check) => `  ${CHECK_MARKS[status]} ${name.padEnd(width)}  ${style.dim(escapeText(detail))}`;
  lines.push('checks', ...checks.map(line));
  return `${lines.join('\n')}\n`;
}

/** For whoever is called at night: what failed first, and what to do, before everything else. */
function decisionLines({ verdict, findings }: Verification): readonly string[] {
  const [worst] = worstFirst(findings);
  if (verdict === 'verified' || worst === undefined) return [];
  const others = findings.filter(({ severity }) => severity === verdict).length - 1;
  const more = others > 0 ? ` and ${formatCount(others, 'more finding')}` : '';
  const suggestions = suggestionLines(findings);
  return [`because    ${findingLine(worst)}${more}`, ...(suggestions.length > 0 ? ['what to do', ...suggestions] : [])];
}

function storedLines({ release, channel, files, location }: StoredEvidence, hashed: string, style: Style): readonly string[] {
  const lines = [`from       ${escapeText(location)}`];
  if (channel !== undefined) {
    const until = `sequence ${channel.sequence}, until ${formatTime(channel.expires)}`;
    lines.push(`channel    ${escapeText(channel.name)}  ${style.dim(`${until}, ${escapeText(channel.signer)}`)}`);
  }
  if (release !== undefined) lines.push(`release    ${release.number}  ${style.dim(escapeText(release.signer))}`);
  const attested = files.filter(({ by }) => by === 's3-attested').length;
  if (attested > 0) lines.push(`attested   ${formatCount(attested, 'file')} by the checksums of the store`);
  if (files.length > attested) lines.push(`hashed   ${hashed}`);
  return lines;
}

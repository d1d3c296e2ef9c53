import type { AttestationRule, LineageRole, LineageRule, Requirement, RevocationRule, Rule, SignerGroups } from '../policy/index.ts';

const DAY = 86_400_000;

/** What a rule asks for, in sentences: one thing each, in the order in which they are checked. */
export function ruleSentences(rule: Rule): readonly string[] {
  return [
    ...rule.signedBy.map((line) => `the model is signed by ${signers(line)}`),
    ...evidence(rule),
    ...(rule.releasedBy === undefined ? [] : [`a release is signed by ${anyOf(rule.releasedBy)}`]),
    ...[...rule.channels].map(([name, { signedBy, stateless }]) => channel(name, signedBy, stateless)),
    ...(rule.channels.size === 0 ? ['any channel may be followed; whoever may sign releases may move it'] : []),
    ...revocations(rule.revocations),
    ...[...rule.lineage].map(([role, asked]) => ancestor(role, asked)),
    ...rule.attestations.map(attestation),
    ...(rule.lineage.size === 0 ? ['nothing is asked of what the model was made from'] : []),
    ...summary(rule),
    formats(rule),
    unsigned(rule),
    ...(rule.allowSymlinks ? ['symbolic links are followed where the signer followed them'] : []),
    ...(rule.allowLegacy ? ['bundles of the v0.2.0 form count'] : []),
    ...rule.attestedEndpoints.map((endpoint) => `the checksums of ${endpoint} are believed`),
  ];
}

function signers({ threshold, of, text }: Requirement): string {
  const names = of.map(({ name }) => name);
  if (names.length === 1) return names.join('');
  const some = threshold === names.length ? `all ${threshold} of` : threshold === 1 ? 'any one of' : `at least ${threshold} of`;
  return `${some} ${names.join(', ')}${/^\d+ of/.test(text) || threshold === names.length ? '' : ` (${text})`}`;
}

function anyOf(groups: SignerGroups): string {
  return groups.map((group) => group.map(({ name }) => name).join(' or ')).join(', who is also ');
}

function evidence({ require: { timestamps, logs }, maxAge }: Rule): readonly string[] {
  return [
    ...(maxAge === undefined ? [] : [`each signature that counts is proven to be at most ${days(maxAge)} old`]),
    ...(timestamps === 0
      ? []
      : [`each signature that counts has timestamps of ${authors(timestamps, 'timestamp authority', 'timestamp authorities')}`]),
    ...(logs === 0 ? [] : [`each signature that counts is in ${authors(logs, 'transparency log', 'transparency logs')}`]),
  ];
}

function authors(count: number, one: string, many: string): string {
  return count === 1 ? `a trusted ${one}` : `${count} different trusted ${many}`;
}

function channel(name: string, signedBy: SignerGroups | undefined, stateless: boolean): string {
  const by = signedBy === undefined ? 'whoever may sign releases' : anyOf(signedBy);
  return `channel ${name} is moved by ${by}${stateless ? '' : ', and followed only by clients that remember earlier pointers'}`;
}

function revocations(rules: readonly RevocationRule[]): readonly string[] {
  if (rules.length === 0) return ['no revocation list is asked: what is revoked is not known'];
  return rules.map(({ place, signedBy }) => {
    const where = place.kind === 'file' ? place.path : (place.url ?? 'the store of the release');
    return `the revocation list of ${anyOf(signedBy)} (${where}) is there, has not expired and revokes nothing of the model`;
  });
}

function ancestor(role: LineageRole, { signedBy, from, builders, required, minimum }: LineageRule): string {
  const what = role === 'model' ? 'the provenance of the model' : `every ancestor that is a ${role}`;
  const said = [
    ...(signedBy === undefined
      ? role === 'model'
        ? ['is signed by those who may sign the model']
        : []
      : [`is signed by ${signedBy.map(signers).join(' and by ')}`]),
    ...(from.length === 0 ? [] : [`comes from ${from.join(' or ')}`]),
    ...(builders.length === 0 ? [] : [`was built by ${builders.join(' or ')}`]),
    ...(minimum === 0 ? [] : [`is named at least ${minimum === 1 ? 'once' : `${minimum} times`}`]),
    ...(required ? [] : ['may be missing']),
  ];
  return `${what} ${said.length === 0 ? 'is known' : said.join(', ')}`;
}

function summary({ vsa }: Rule): readonly string[] {
  if (vsa === undefined) return [];
  return [
    `a verification summary of ${vsa.verifier}, signed by ${anyOf(vsa.signedBy)} and at most ${days(vsa.maxAge)} old, is accepted instead of all that`,
  ];
}

function attestation({ name, signedBy, maxAge, metrics }: AttestationRule): string {
  const age = maxAge === undefined ? '' : `, and at most ${days(maxAge)} old`;
  const bounds = metrics.map((metric) => `${metric.name} ${metric.text}`);
  const saying = bounds.length === 0 ? '' : `, with ${bounds.join(' and ')}`;
  return `there is an attestation about exactly this model (${name}) by ${signedBy.map(signers).join(' and by ')}${age}${saying}`;
}

function days(milliseconds: number): string {
  const count = Math.round((milliseconds / DAY) * 100) / 100;
  return count === 1 ? '1 day' : `${count} days`;
}

function formats({ formats: setting }: Rule): string {
  if (setting === 'any') return 'files may be anything: nothing looks at what they could do when they are loaded';
  const { allow, allowCode, imports } = setting;
  const only = allow === undefined ? '' : `files are ${allow.join(', ')} by their content; `;
  if (allowCode.length === 0) return `${only}no file can run code when it is loaded`;
  const names = imports === undefined ? 'what it takes to rebuild tensors and arrays' : imports.join(', ');
  return `${only}files that can run code when they are loaded are ${allowCode.join(', ')} at most, and pickles import only ${names}`;
}

function unsigned({ ignoreUnsigned, ignorePaths, unsignedPaths }: Rule): string {
  if (ignoreUnsigned) return 'files that nobody signed may lie in the model';
  const ignored = ignorePaths === 'signed' ? ['what the signer left out'] : ignorePaths;
  const all = [...ignored, ...unsignedPaths];
  return all.length === 0 ? 'every file of the model is signed' : `every file of the model is signed, except ${all.join(', ')}`;
}

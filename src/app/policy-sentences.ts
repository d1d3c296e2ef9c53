import {
  type AttestationRule,
  type LineageRole,
  type LineageRule,
  type Requirement,
  type RevocationRule,
  type Rule,
  releasePrincipals,
  type SignerGroups,
} from '../policy/index.ts';

const UNITS = [
  ['day', 86_400_000],
  ['hour', 3_600_000],
  ['minute', 60_000],
] as const;

/** What a rule asks for, in sentences: one thing each, in the order in which they are checked. */
export function ruleSentences(rule: Rule): readonly string[] {
  return [
    ...rule.signedBy.map((line) => `the model is signed by ${signers(line)}`),
    ...evidence(rule),
    `a release is signed by ${anyOf(releasePrincipals(rule))}`,
    ...[...rule.channels].map(([name, { signedBy, stateless }]) => channel(name, signedBy, stateless)),
    ...(rule.channels.size === 0 ? ['any channel may be followed, and whoever may sign releases may move it'] : []),
    ...revocations(rule.revocations),
    ...[...rule.lineage].map(([role, asked]) => ancestor(role, asked)),
    ...(rule.lineage.size === 0 ? ['nothing is asked of what the model was made from'] : []),
    ...rule.attestations.map(attestation),
    formats(rule),
    unsigned(rule),
    ...(rule.allowSymlinks ? ['symbolic links are followed where the signer followed them'] : []),
    ...(rule.allowLegacy ? ['signatures in the old v0.2.0 form count too, where they carry a certificate'] : []),
    ...rule.attestedEndpoints.map((endpoint) => `the checksums that ${endpoint} gives are believed, without reading the files`),
    ...summary(rule),
  ];
}

function signers({ threshold, of, text }: Requirement): string {
  const names = of.map(({ name }) => name);
  if (names.length === 1) return names.join('');
  const every = names.length === 2 ? 'both' : `all ${threshold} of`;
  const some = threshold === names.length ? every : threshold === 1 ? 'any one of' : `at least ${threshold} of`;
  return `${some} ${listed(names)}${/^\d+ of/.test(text) || threshold === names.length ? '' : ` (${text})`}`;
}

function anyOf(groups: SignerGroups): string {
  return groups
    .map((group) =>
      listed(
        group.map(({ name }) => name),
        'or',
      ),
    )
    .join(', who is also ');
}

function listed(names: readonly string[], word: 'and' | 'or' = 'and'): string {
  return names.length < 2 ? names.join('') : `${names.slice(0, -1).join(', ')} ${word} ${names.at(-1)}`;
}

function evidence({ require: { timestamps, logs }, maxAge }: Rule): readonly string[] {
  return [
    ...(maxAge === undefined ? [] : [`each signature that counts is proven to be at most ${ageOf(maxAge)} old`]),
    ...(timestamps === 0
      ? []
      : [
          timestamps === 1
            ? 'each signature that counts has a timestamp of a trusted authority'
            : `each signature that counts has timestamps of ${timestamps} different trusted authorities`,
        ]),
    ...(logs === 0
      ? []
      : [`each signature that counts is in ${logs === 1 ? 'a trusted transparency log' : `${logs} different trusted transparency logs`}`]),
  ];
}

function channel(name: string, signedBy: SignerGroups | undefined, stateless: boolean): string {
  const by = signedBy === undefined ? 'whoever may sign releases' : anyOf(signedBy);
  return `channel ${name} is moved by ${by}${stateless ? '' : ', and followed only by clients that remember what they saw of it'}`;
}

function revocations(rules: readonly RevocationRule[]): readonly string[] {
  if (rules.length === 0) return ['no revocation list is asked: what is revoked still passes'];
  return rules.map(({ place, signedBy }) => {
    const where = place.kind === 'file' ? place.path : (place.url ?? 'in the store of the release');
    return `the revocation list that ${anyOf(signedBy)} signs (${where}) is there, has not expired and revokes nothing of the model`;
  });
}

function ancestor(role: LineageRole, { signedBy, from, builders, required, minimum }: LineageRule): string {
  const by = signedBy && `signed by ${signedBy.map(signers).join(' and by ')}`;
  const others = builders.length === 0 ? [] : [`names no builder but ${listed(builders)}`];
  if (role === 'model') {
    const said = [`is ${by ?? 'signed by those who may sign the model'}`, ...others];
    return `the provenance of the model ${listed(said)}${required ? '' : '; it may be missing'}`;
  }
  const said = [
    ...(by === undefined ? [] : [`is ${by}`]),
    ...(from.length === 0 ? [] : [`comes from ${listed(from, 'or')}`]),
    ...others.map((text) => `has provenance that ${text}`),
  ];
  return [
    ...(said.length === 0 ? [] : [`each ancestor in the role ${role} ${listed(said)}`]),
    ...(minimum === 0 ? [] : [`the model itself names at least ${minimum} in the role ${role}`]),
    ...(required ? [] : ['those that are not found are let pass']),
  ].join('; ');
}

function attestation({ name, signedBy, maxAge, metrics }: AttestationRule): string {
  const age = maxAge === undefined ? '' : `, at most ${ageOf(maxAge)} ago`;
  const bounds = metrics.map((metric) => `${metric.name} ${metric.text}`);
  const saying = bounds.length === 0 ? '' : `, with ${listed(bounds)}`;
  return `exactly this model is attested (${name}) by ${signedBy.map(signers).join(' and by ')}${age}${saying}`;
}

function formats({ formats: setting }: Rule): string {
  if (setting === 'any') return 'files may be anything: nothing looks at what they could do when they are loaded';
  const { allow, allowCode, imports } = setting;
  const only = allow === undefined ? '' : `by its content every file is ${listed([...new Set([...allow, ...allowCode])], 'or')}; `;
  if (allowCode.length === 0) return `${only}no file can run code when it is loaded`;
  const names = imports === undefined ? 'what it takes to rebuild tensors and arrays' : imports.join(', ');
  return `${only}no file can run code when it is loaded, except ${listed(allowCode)}; pickles in these import only ${names}`;
}

function unsigned({ ignoreUnsigned, ignorePaths, unsignedPaths }: Rule): string {
  if (ignoreUnsigned) return 'files that nobody signed may lie in the model';
  const ignored = ignorePaths === 'signed' ? ['whatever the signer left out'] : ignorePaths;
  const all = [...ignored, ...unsignedPaths];
  return all.length === 0 ? 'every file of the model is signed' : `every file of the model is signed, except ${listed(all)}`;
}

/** Last, as it speaks of what is above. */
function summary({ vsa }: Rule): readonly string[] {
  if (vsa === undefined) return [];
  const { verifier, signedBy, maxAge, policy, resource } = vsa;
  const under = policy === undefined ? 'this policy' : `the policy with SHA-256 ${policy}`;
  const of = resource === undefined ? '' : ` of what lay at ${resource}`;
  return [
    `a verification summary in the name of ${verifier}, signed by ${anyOf(signedBy)} and made under ${under}${of} at most ${ageOf(maxAge)} ago, ` +
      'stands in for signers, their evidence, lineage and attestations, of a release for formats too, and for nothing else',
  ];
}

function ageOf(milliseconds: number): string {
  const [unit, size] = UNITS.find(([, each]) => milliseconds % each === 0) ?? ['millisecond', 1];
  const count = milliseconds / size;
  return `${count} ${unit}${count === 1 ? '' : 's'}`;
}

import { isAbsolute, relative, resolve, sep } from 'node:path';
import { RUNS_CODE } from '../filetypes/index.ts';
import { modelLocation } from '../policy/index.ts';
import { type InitialPrincipal, type InitialTrust, principalsOf, releasersOf } from './policy-principals.ts';
import type { Verification } from './verify-model.ts';

/** What a policy is written from. */
export interface PolicyMaterial {
  readonly verification: Verification;
  readonly trust: InitialTrust;
  /** Where relative paths begin: the directory of the file. */
  readonly directory: string;
  /** Where the model lies: a path, or a place in a bucket without release and channel. */
  readonly location: string;
  readonly unsignedPaths: readonly string[];
  readonly ignoreUnsigned: boolean;
  readonly allowSymlinks: boolean;
  readonly allowLegacy: boolean;
  /** Whether the formats that there are become the only ones. */
  readonly onlyFormats: boolean;
  /** Files beside the model with statements about it. */
  readonly attestations: readonly string[];
}

/** A policy of one rule, for one model: what it shows must hold from now on. Each line is explained. */
export function composePolicy(material: PolicyMaterial): string {
  const { verification, trust } = material;
  const statements = verification.signatures.flatMap(({ counted, statement }) => (counted && statement !== undefined ? [statement] : []));
  const signers = principalsOf(statements, trust);
  const releasers = releasersOf(trust, signers);
  const names = signers.map(({ name }) => name);
  const { timestamps, logs } = evidenceOf(verification);
  const ignored = verification.unsigned.ignored;
  return [
    '# What must hold before a model may be used. Keep it where those who make models cannot change it.',
    '# mlsign policy check explains it, mlsign policy test runs its cases, mlsign sign signs it (--policy-key).',
    'version: 1',
    '',
    '# Everyone who may sign. Paths begin at this file.',
    'principals:',
    ...[...signers, ...releasers].flatMap((principal) => principalLines(principal, material.directory)),
    '',
    '# What is revoked is rejected, once there is a list (mlsign revoke --init):',
    `# revocations: { signed-by: ${names[0] ?? 'security'}, ${material.location.startsWith('s3:') ? 'store: true' : 'file: revocations.json'} }`,
    '',
    'rules:',
    '  # For this model alone; "*" stands for any part of a name, "**" for any number of directories.',
    `  - model: ${quoted(patternOf(material))}`,
    names.length === 1
      ? '    # The signer of the model.'
      : '    # All who have signed the model; "2 of [a, b, c]" asks for some of several.',
    `    signed-by: ${names.length === 1 ? names.join('') : `[${names.join(', ')}]`}`,
    ...(timestamps + logs === 0
      ? ['    # No trusted timestamp or log proves when it was signed.', '    # require: { timestamps: 1 }']
      : ['    # What proves when it was signed.', `    require: { ${countsOf(timestamps, logs)} }`]),
    ...releaseLines(verification, releasers),
    ...formatLines(material),
    ...(ignored.length === 0
      ? ['    # Nothing in the model is unsigned.', '    ignore-paths: []']
      : ['    # What the signer left out and lies in the model.', `    ignore-paths: ${list(ignored)}`]),
    ...(material.unsignedPaths.length === 0
      ? []
      : ['    # What may be unsigned although the signer did not leave it out.', `    unsigned-paths: ${list(material.unsignedPaths)}`]),
    ...(material.ignoreUnsigned ? ['    # Files that nobody signed may lie in the model.', '    ignore-unsigned-files: true'] : []),
    ...(material.allowSymlinks ? ['    # Links are followed where the signer followed them.', '    allow-symlinks: true'] : []),
    ...(material.allowLegacy ? ['    # Bundles of the v0.2.0 form count.', '    allow-legacy: true'] : []),
    ...attestationLines(material, names),
    '',
  ].join('\n');
}

function principalLines({ name, fields, comment }: InitialPrincipal, directory: string): readonly string[] {
  const lines = Object.entries(fields).map(([field, value]) => {
    if (field === 'key' || field === 'ca') {
      const paths = (typeof value === 'string' ? [value] : Array.isArray(value) ? value : []).map((path: string) =>
        quoted(pathFrom(directory, path)),
      );
      return `    ${field}: ${paths.length === 1 ? paths.join('') : `[${paths.join(', ')}]`}`;
    }
    if (typeof value === 'string') return `    ${field}: ${quoted(value)}`;
    const entries = Object.entries(value).map(([claim, text]) => `${claim}: ${quoted(String(text))}`);
    return `    ${field}: { ${entries.join(', ')} }`;
  });
  return [`  # ${oneLine(comment)}`, `  ${name}:`, ...lines];
}

/** How many authorities and logs stand behind every signature that counts. */
function evidenceOf({ signatures }: Verification) {
  const counted = signatures.flatMap(({ counted, statement }) => (counted && statement !== undefined ? [statement] : []));
  const least = (counts: readonly number[]) => (counts.length === 0 ? 0 : Math.min(...counts));
  return {
    timestamps: least(counted.map(({ times }) => new Set(times.filter(({ by }) => by === 'timestamp-authority').map(({ id }) => id)).size)),
    logs: least(counted.map(({ logs }) => new Set(logs.map(({ id }) => id)).size)),
  };
}

function countsOf(timestamps: number, logs: number): string {
  return [...(timestamps > 0 ? [`timestamps: ${timestamps}`] : []), ...(logs > 0 ? [`logs: ${logs}`] : [])].join(', ');
}

function releaseLines({ stored }: Verification, releasers: readonly InitialPrincipal[]): readonly string[] {
  if (stored === undefined) return [];
  const names = releasers.map(({ name }) => name);
  const who = names.length > 1 ? `1 of [${names.join(', ')}]` : names.join('');
  const by =
    names.length === 0
      ? []
      : ['    # Who may sign releases and, unless a channel says otherwise, move channels.', `    released-by: ${quoted(who)}`];
  const { channel } = stored;
  if (channel === undefined) return by;
  return [
    ...by,
    '    # "stateless: false" refuses clients that remember no earlier pointer.',
    '    channels:',
    `      ${channel.name}: { stateless: true }`,
  ];
}

function formatLines({ verification: { formats }, onlyFormats }: PolicyMaterial): readonly string[] {
  if (formats === undefined || formats.by === 'any' || formats.files.length === 0) {
    return [
      '    # What can run code when it is loaded is rejected; allow-code names exceptions.',
      '    # formats: { allow-code: [pytorch] }',
    ];
  }
  const found = formats.files.map(({ format }) => format);
  const code = [...new Set([...formats.allowedCode.map(({ format }) => format), ...found.filter((format) => RUNS_CODE.has(format))])];
  const allow = onlyFormats ? [`      allow: [${found.join(', ')}]`] : [];
  if (allow.length === 0 && code.length === 0) return [];
  return [
    '    # What its files are, by their content.',
    '    formats:',
    ...allow,
    ...(code.length === 0
      ? []
      : ['      # These can run code when they are loaded: better converted to safetensors.', `      allow-code: [${code.join(', ')}]`]),
  ];
}

function attestationLines({ attestations }: PolicyMaterial, [signer = 'trainer']: readonly string[]): readonly string[] {
  const lineage = [
    '    # What the model was made from, once signed provenance says it (mlsign attest):',
    `    # lineage: { model: { signed-by: ${signer} }, base-model: { signed-by: ${signer}, minimum: 1 } }`,
  ];
  if (attestations.length === 0) return lineage;
  return [
    ...lineage,
    '    # Statements that lie beside the model; nothing was verified of them:',
    ...attestations.map((type) => `    #   ${oneLine(type)}`),
  ];
}

/** The pattern of the model: relative where it lies below the policy. */
function patternOf({ location: text, directory }: PolicyMaterial): string {
  return text.startsWith('s3:') ? text : pathFrom(directory, text);
}

function pathFrom(directory: string, path: string): string {
  const inside = relative(directory, resolve(path));
  const isOutside = inside === '' || isAbsolute(inside) || inside === '..' || inside.startsWith(`..${sep}`);
  return isOutside ? modelLocation(path) : inside.split(sep).join('/');
}

function list(texts: readonly string[]): string {
  return `[${texts.map(quoted).join(', ')}]`;
}

/** YAML reads JSON's strings. */
function quoted(text: string): string {
  return JSON.stringify(text);
}

function oneLine(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}\u2028\u2029]/gu, ' ').slice(0, 200);
}

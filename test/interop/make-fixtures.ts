/** Makes `fixtures/interop` anew: `node test/interop/make-fixtures.ts`. Installs every release that it signs with. */
import { copyFile, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { CERTIFICATE_SETS } from './certificate-sets.ts';
import { Driver, type Hashing, type VerifyRequest } from './driver.ts';
import { FIXTURES, type FixtureCase, prepareModel } from './fixture.ts';
import { signingKey } from './keys.ts';
import { type Files, treeModel, writeModel } from './models.ts';
import { CURRENT, installReference, OLDER } from './reference.ts';

/** What is written to `cases.json`, and how it is signed. */
interface Recipe extends Omit<FixtureCase, 'bundle' | 'reference' | 'trust' | 'by'> {
  readonly hashing?: Hashing;
  /** A key in `keys`, or a certificate set. */
  readonly key?: 'p256' | 'p384' | 'p521';
  readonly certificate?: string;
}

const TREE = 'models/tree';
const SINGLE = 'models/single/weights.bin';
const NOTES = [{ path: 'notes/todo.txt', text: 'not signed\n' }];
const GIT = [
  { path: '.gitattributes', text: '*.bin -text\n' },
  { path: '.git/config', text: '[core]\n' },
];
const LINKS = [{ path: 'link.bin', target: 'weights.bin' }];

function recipes(version: string): readonly Recipe[] {
  const current = version === CURRENT;
  const model = TREE;
  const verdict = 'verified' as const;
  const keys: Recipe[] = [
    { name: 'key-p256', model, verdict, key: 'p256' },
    { name: 'key-p384', model, verdict, key: 'p384' },
    { name: 'key-p521', model, verdict, key: 'p521' },
  ];
  const chains: Recipe[] = [
    { name: 'certificate-p256', model, verdict, certificate: 'p256' },
    { name: 'certificate-p384', model, verdict, certificate: 'p384' },
    { name: 'certificate-p521', model, verdict, certificate: 'p521' },
  ];
  if (version === '0.2.0') {
    const legacy = (recipe: Recipe): Recipe => ({ ...recipe, allowLegacy: true });
    return [
      ...chains.map(legacy),
      {
        name: 'certificate-p256-not-allowed',
        model,
        verdict: 'rejected',
        codes: ['legacy-not-allowed'],
        certificate: 'p256',
        note: 'this form needs the option for it',
      },
      // Only the certificate method of this form is read: nothing in the field is signed with its keys.
      ...keys.slice(0, 1).map((recipe) =>
        legacy({
          ...recipe,
          verdict: 'rejected',
          codes: ['legacy-not-allowed'],
          note: 'this form is read with the certificate method only',
        }),
      ),
    ];
  }
  const shards = { method: 'shards', shard_size: 1000 } as const;
  const rest: Recipe[] = [
    { name: 'files-blake2b', model, verdict, key: 'p256', hashing: { algorithm: 'blake2b' } },
    { name: 'shards-sha256', model, verdict, key: 'p256', hashing: shards, note: 'algorithm is sha256-sharded-1000, shard_size a float' },
    { name: 'shards-blake2b', model, verdict, key: 'p256', hashing: { ...shards, algorithm: 'blake2b' } },
    { name: 'single-file', model: SINGLE, verdict, key: 'p256', note: 'the resource is named "."' },
    { name: 'single-file-shards', model: SINGLE, verdict, key: 'p256', hashing: shards, note: 'the resources are named ".:0:1000" …' },
    { name: 'links', model, verdict, key: 'p256', links: LINKS, allowSymlinks: true, hashing: { allow_symlinks: true } },
    {
      name: 'links-not-allowed',
      model,
      verdict: 'rejected',
      codes: ['file-symlinked'],
      key: 'p256',
      links: LINKS,
      hashing: { allow_symlinks: true },
    },
    { name: 'git-files', model, verdict, key: 'p256', add: GIT },
  ];
  // 0.3.1 cannot sign with a certificate: it fails on a misspelt name.
  if (!current) return [...keys, ...(version === '0.3.1' ? [] : chains.slice(0, 1)), ...rest];
  return [
    ...keys,
    ...chains,
    ...rest,
    { name: 'files-blake3', model, verdict, key: 'p256', hashing: { algorithm: 'blake3' } },
    { name: 'shards-blake3', model, verdict, key: 'p256', hashing: { ...shards, algorithm: 'blake3' }, note: 'the reference writes files' },
    { name: 'ignored', model, verdict, key: 'p256', add: NOTES, hashing: { ignore_paths: ['notes'] } },
    { name: 'git-files-signed', model, verdict, key: 'p256', add: GIT.slice(0, 1), hashing: { ignore_git_paths: false } },
    ...certificateCases(),
  ];
}

/** Every certificate set that is not signed with already. */
function certificateCases(): readonly Recipe[] {
  const odd = CERTIFICATE_SETS.filter(({ name }) => !['p256', 'p384', 'p521'].includes(name));
  return odd.map(({ name, verdict, code }) => ({
    name: `certificate-${name}`,
    model: TREE,
    verdict,
    certificate: name,
    ...(code === undefined ? {} : { codes: [code] }),
  }));
}

async function make(version: string, current: Driver, work: string): Promise<readonly FixtureCase[]> {
  const signer = version === CURRENT ? current : new Driver(await installReference(version));
  const made: FixtureCase[] = [];
  for (const { hashing = {}, key, certificate, ...rest } of recipes(version)) {
    const trusted = key === undefined ? `trust/${certificate}.pem` : `trust/${key}.pub`;
    const fixture: FixtureCase = {
      ...rest,
      by: version,
      bundle: `bundles/${version}/${rest.name}.sig`,
      trust: key === undefined ? { roots: trusted } : { key: trusted },
      reference: '',
    };
    const model = await prepareModel(fixture, join(work, version, rest.name));
    const signature = path(fixture.bundle);
    await mkdir(dirname(signature), { recursive: true });
    await copyFile(key === undefined ? join(work, 'keys', certificate ?? '', 'root.pem') : join(work, 'keys', `${key}.pub`), path(trusted));
    const signed = await signer.sign({ model, signature, ...(await signingKey(join(work, 'keys'), key, certificate)), ...hashing });
    if (!signed.ok) throw new Error(`${version} ${rest.name}: ${signed.error}`);
    const trust = key === undefined ? { roots: [path(trusted)] } : { key: path(trusted) };
    made.push({ ...fixture, reference: await referenceSays(current, { model, signature, ...trust, ...hashing }) });
  }
  if (signer !== current) await signer.close();
  return made;
}

/** What the current release makes of it, told how it was hashed: `accepts`, or its error. */
async function referenceSays(driver: Driver, request: VerifyRequest): Promise<string> {
  const answer = await driver.verify(request);
  return answer.ok ? 'accepts' : (answer.error.split('\n')[0] ?? '');
}

function path(name: string): string {
  return join(FIXTURES, name);
}

const work = await mkdtemp(join(tmpdir(), 'mlsign-fixtures-'));
const driver = new Driver(await installReference());
try {
  for (const folder of ['bundles', 'models', 'trust']) await rm(path(folder), { recursive: true, force: true });
  await mkdir(path('trust'), { recursive: true });
  await driver.certificates(join(work, 'keys'));
  await writeModel(path(TREE), treeModel());
  const single: Files = new Map([[basename(SINGLE), treeModel(7).get('weights.bin') ?? Buffer.alloc(0)]]);
  await writeModel(path(dirname(SINGLE)), single);
  const cases: FixtureCase[] = [];
  for (const version of [CURRENT, ...OLDER]) cases.push(...(await make(version, driver, work)));
  await writeFile(path('cases.json'), `${JSON.stringify(cases, null, 2)}\n`);
} finally {
  await driver.close();
  await rm(work, { recursive: true, force: true });
}

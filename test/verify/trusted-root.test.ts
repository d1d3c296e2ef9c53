import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { sha256Hex } from '../../src/core/index.ts';
import { instanceTrustedRoot, readTrustedRoot } from '../../src/verify/index.ts';
import { latestTrustedRoot, type TufRepository } from '../../src/verify/trusted-root.ts';
import { mlsignError } from '../helpers/keys.ts';
import { Sandbox } from '../helpers/sandbox.ts';
import { TufRepositoryServer } from '../helpers/tuf-repository.ts';

const fixture = (name: string): Buffer => readFileSync(new URL(`../../fixtures/sigstore/${name}`, import.meta.url));

describe('trusted root: what is shipped', () => {
  const now = new Date('2026-09-01T00:00:00Z');

  it('is that of the instance, with its date', async () => {
    for (const [instance, title] of [
      [
        'public-good',
        /^trusted root of Sigstore's public-good instance, as shipped with TUF root 16, good until 2027-04-22, sha256 [0-9a-f]{64}$/,
      ],
      ['staging', /^trusted root of Sigstore's staging instance, as shipped with TUF root 14, good until 2026-10-16, sha256 [0-9a-f]{64}$/],
    ] as const) {
      const { root, description } = await instanceTrustedRoot({ instance, offline: true, cacheDirectory: '', now });
      assert.match(description, title);
      assert.ok(description.endsWith(sha256Hex(fixture(`${instance}.trusted-root.json`))));
      assert.deepEqual(root, readTrustedRoot(fixture(`${instance}.trusted-root.json`), instance).root);
    }
  });

  it('says when its time is past', async () => {
    const { description } = await instanceTrustedRoot({
      instance: 'staging',
      offline: true,
      cacheDirectory: '',
      now: new Date('2027-01-01'),
    });
    assert.match(description, /good until 2026-10-16, which is past, sha256/);
  });
});

describe('trusted root: what a user gives', () => {
  it('a trusted root, or the one in a trust configuration', () => {
    const bytes = fixture('staging.trusted-root.json');
    const { description, root } = readTrustedRoot(bytes, 'root.json');
    assert.equal(description, `trusted root root.json, sha256 ${sha256Hex(bytes)}`);
    const config = Buffer.from(
      JSON.stringify({
        mediaType: 'application/vnd.dev.sigstore.clienttrustconfig.v0.1+json',
        trustedRoot: JSON.parse(bytes.toString()),
        signingConfig: JSON.parse(fixture('staging.signing-config.json').toString()),
      }),
    );
    const inner = readTrustedRoot(config, 'trust.json');
    assert.equal(inner.description, `trust configuration trust.json, sha256 ${sha256Hex(config)}`);
    assert.deepEqual(inner.root.tlogs, root.tlogs);
  });

  it('nothing else', () => {
    assert.throws(() => readTrustedRoot(Buffer.from('{}'), 'x'), mlsignError('trusted-root-malformed', /mediaType/, { subject: 'x' }));
    assert.throws(() => readTrustedRoot(fixture('staging.signing-config.json'), 'x'), mlsignError('trusted-root-malformed', /mediaType/));
    assert.throws(() => readTrustedRoot(Buffer.from('junk'), 'x'), mlsignError('json-invalid', /not JSON/));
    const config = Buffer.from('{"mediaType":"application/vnd.dev.sigstore.clienttrustconfig.v0.1+json"}');
    assert.throws(() => readTrustedRoot(config, 'x'), mlsignError('trust-config-malformed', /trustedRoot/));
  });
});

describe('trusted root: by TUF', () => {
  const sandbox = new Sandbox();
  let repository: TufRepositoryServer;
  let folders = 0;
  before(async () => {
    repository = await TufRepositoryServer.start();
  });
  beforeEach(() => repository.publish(Buffer.from('the first')));
  afterEach(() => repository.server.heal());
  after(async () => {
    sandbox.remove();
    await repository.server.close();
  });

  const source = (options: Partial<TufRepository> = {}): TufRepository => ({
    url: repository.server.url,
    rootMetadata: repository.rootMetadata,
    cacheDirectory: sandbox.path(`cache-${folders++}`),
    timeout: 2000,
    retries: 0,
    ...options,
  });
  const rejects = (repositoryOptions: TufRepository, message: RegExp) =>
    assert.rejects(
      latestTrustedRoot(repositoryOptions),
      mlsignError('trusted-root-unavailable', message, { outcome: 'unavailable', subject: repository.server.url }),
    );

  it('is the target, and the next one when there is one', async () => {
    const from = source();
    assert.equal(await latestTrustedRoot(from), 'the first');
    repository.publish(Buffer.from('the second'));
    assert.equal(await latestTrustedRoot(from), 'the second');
  });

  it('is not an older one than was seen', async () => {
    const from = source();
    repository.publish(Buffer.from('new'), { version: 50 });
    assert.equal(await latestTrustedRoot(from), 'new');
    repository.publish(Buffer.from('old'), { version: 49 });
    await rejects(from, /cannot be had: .*version/i);
  });

  it('is not what another key has signed, or what has expired', async () => {
    repository.publish(Buffer.from('forged'), { targetsKey: generateKeyPairSync('ed25519').privateKey });
    await rejects(source(), /targets was signed by 0\/1 keys/);
    repository.publish(Buffer.from('frozen'), { expires: new Date(Date.now() - 1000) });
    await rejects(source(), /timestamp.json is expired/);
    const stranger = await TufRepositoryServer.start();
    await stranger.server.close();
    await rejects(source({ rootMetadata: stranger.rootMetadata }), /timestamp was signed by 0\/1 keys/);
  });

  it('waits for no server for ever, and asks again where that may help', async () => {
    await repository.server.fail({ fault: { kind: 'slow' } });
    await rejects(source({ timeout: 50 }), /timeout|timed out|aborted/i);
    await repository.server.heal();
    const busy = { status: 503, headers: { 'content-type': 'text/plain' }, body: 'busy' };
    await repository.server.fail({ fault: { kind: 'reply', reply: busy }, times: 1 });
    assert.equal(await latestTrustedRoot(source({ retries: 1 })), 'the first');
    await repository.server.heal();
    await repository.server.fail({ fault: { kind: 'reset' } });
    await rejects(source(), /cannot be had: /);
  });

  it('is not had where nothing can be remembered', async () => {
    sandbox.write('file', { cache: '' });
    await rejects(source({ cacheDirectory: sandbox.path('file', 'cache') }), /cannot be had: /);
  });
});

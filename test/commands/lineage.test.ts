import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { mlsign } from '../helpers/cli.ts';
import { from, LineageFolder, material, type TestModel } from '../helpers/lineage.ts';
import { assertValid } from '../helpers/schemas.ts';

const SIGNED = 'lineage:\n  base-model: { signed-by: meta, minimum: 1 }\n';
const HOSTILE = 'a"];b\\\u202e<img src=x>#`\u001b[31m';

describe('mlsign lineage', () => {
  const folder = new LineageFolder();
  let base: TestModel;
  let adapter: TestModel;

  before(async () => {
    base = await folder.model('base', 'meta');
    adapter = await folder.model('adapter');
    await folder.attest(
      adapter,
      [
        from(base),
        material({ sha256: '1'.repeat(64) }, 'dataset', { name: 'a dataset', uri: 's3://data/x' }),
        from({ name: HOSTILE.replace('\u001b', ''), id: 'e'.repeat(64) }, 'tokenizer'),
      ],
      { relation: 'adapter' },
    );
  });
  after(() => folder.remove());

  it('shows a tree, says what is missing, and that nothing was verified', async () => {
    const { code, stdout } = await mlsign(['lineage', adapter.path]);
    assert.equal(code, 0);
    const lines = stdout.split('\n');
    assert.match(lines[0] ?? '', /^not verified {2}/);
    assert.match(lines[2] ?? '', /^├─ base-model {2}base {2}[0-9a-f]{12}… {2}not verified {2}by key [0-9a-f]{16} {2}no provenance$/);
    assert.match(lines[3] ?? '', /^├─ dataset {2}a dataset {2}sha256:1{12}… {2}bound by its digest$/);
    assert.match(lines[4] ?? '', /^└─ tokenizer {2}.*e{12}… {2}not found: what it was made from is not known$/);
    assert.match(stdout, /nothing was verified: anyone could have written this/);
  });

  it('verifies where it is said whom to trust, with the exit code of the verdict', async () => {
    const run = (lines: string) => mlsign(['lineage', adapter.path, '--policy', folder.policyFile(lines)]);
    assert.deepEqual([(await run(SIGNED)).code, (await run(SIGNED.replace('meta', 'data'))).code], [0, 1]);
    const { code, stderr } = await mlsign([
      'lineage',
      adapter.path,
      '--quiet',
      '--policy',
      folder.policyFile('lineage:\n  tokenizer: { signed-by: meta }\n'),
    ]);
    assert.equal(code, 3);
    assert.match(stderr, /^undetermined: .*\[?.*was not found, so nobody knows who signed it/);
  });

  it('prints documents of its schema', async () => {
    for (const args of [[], ['--policy', folder.policyFile(SIGNED)], ['--depth', '1'], ['--policy', folder.policyFile('')]]) {
      const { stdout } = await mlsign(['lineage', adapter.path, '--format', 'json', ...args]);
      assertValid('lineage', JSON.parse(stdout));
    }
  });

  it('keeps names in their place in every format', async () => {
    const dot = (await mlsign(['lineage', adapter.path, '--format', 'dot'])).stdout;
    assert.match(dot, /n3 \[label="a\\"\];b\\\\\\\\u202e<img src=x>#`\[31m\\ne{12}…\\nnot-checked", color=gray40\];/);
    const mermaid = (await mlsign(['lineage', adapter.path, '--format', 'mermaid'])).stdout;
    assert.match(mermaid, /n3\["a#34;#93;#59;b#92;#92;u202e#60;img src=x#62;#35;#96;#91;31m<br>/);
    const tree = (await mlsign(['lineage', adapter.path])).stdout;
    assert.ok(!/[\u202e\u001b]/.test(dot + mermaid + tree));
  });

  it('refuses a format that it does not know', async () => {
    assert.equal((await mlsign(['lineage', adapter.path, '--format', 'svg'])).code, 2);
  });
});

describe('mlsign verify with lineage', () => {
  const folder = new LineageFolder();
  let base: TestModel;
  let other: TestModel;
  let adapter: TestModel;

  before(async () => {
    base = await folder.model('base', 'meta');
    other = await folder.model('other-base', 'meta');
    adapter = await folder.model('adapter');
    await folder.attest(adapter, [from(base)], { relation: 'adapter' });
  });
  after(() => folder.remove());

  it('verifies every ancestor that the policy asks to be signed, and shows them', async () => {
    const { code, stdout } = await mlsign(['verify', adapter.path, '--policy', folder.policyFile(SIGNED), '--json']);
    assert.equal(code, 0, stdout);
    const document = JSON.parse(stdout);
    assertValid('verification', document);
    assert.deepEqual(
      document.lineage.nodes.map(({ name, verdict }: { name: string; verdict: string }) => [name, verdict]),
      [
        ['adapter', 'verified'],
        ['base', 'verified'],
      ],
    );
    assert.equal(document.read.files, 2);
  });

  it('reads no byte of a model with a wrong ancestor', async () => {
    const { code, stdout } = await mlsign([
      'verify',
      adapter.path,
      '--policy',
      folder.policyFile(SIGNED.replace('meta', 'data')),
      '--json',
    ]);
    assert.equal(code, 1);
    const document = JSON.parse(stdout);
    assertValid('verification', document);
    assert.equal(document.read, undefined);
    assert.deepEqual(
      document.findings.map(({ code }: { code: string }) => code),
      ['lineage-signer-missing'],
    );
  });

  it('asks nothing of lineage where the policy does not', async () => {
    const { code, stdout } = await mlsign(['verify', adapter.path, '--policy', folder.policyFile(''), '--json']);
    assert.equal(code, 0);
    assert.equal(JSON.parse(stdout).lineage, undefined);
  });

  it('binds an adapter to the base that it is loaded with', async () => {
    const policy = folder.policyFile('').replace('.yaml', '-pair.yaml');
    writeFileSync(
      policy,
      readFileSync(folder.policyFile('lineage:\n  base-model: { signed-by: meta }\n'), 'utf8').replace(
        'rules:\n',
        `rules:\n  - { model: "${folder.root}/models/*base", signed-by: meta }\n`,
      ),
    );
    const right = await mlsign(['verify', adapter.path, '--with-base', base.path, '--policy', policy, '--json']);
    assert.equal(right.code, 0, right.stdout);
    const document = JSON.parse(right.stdout);
    assertValid('verification', document);
    assert.equal(document.base.model_id, base.id);
    const wrong = await mlsign(['verify', adapter.path, '--with-base', other.path, '--policy', policy, '--json']);
    assert.equal(wrong.code, 1);
    const [finding] = JSON.parse(wrong.stdout).findings;
    assert.deepEqual([finding.code, finding.message], ['base-differs', 'this is not the base that the model was made for']);
    assert.equal(finding.expected, `base (mlsignModel:${base.id})`);
    assert.equal(finding.got, `mlsignModel:${other.id}`);
    const text = await mlsign(['verify', adapter.path, '--with-base', base.path, '--policy', policy]);
    assert.match(text.stdout, /with base {2}.*base {2}verified\n/);
  });

  it('leaves it open where nobody says what the base is, and rejects a base that changed', async () => {
    const plain = await folder.model('plain');
    const trust = ['--trust-key', new URL('../../fixtures/keys/ec-p256.pub', import.meta.url).pathname];
    const unstated = await mlsign(['verify', plain.path, '--with-base', adapter.path, ...trust, '--json']);
    assert.equal(unstated.code, 3);
    assert.deepEqual(
      JSON.parse(unstated.stdout).findings.map(({ code }: { code: string }) => code),
      ['base-not-stated'],
    );
    const child = await folder.model('child');
    await folder.attest(child, [from(plain)]);
    assert.equal((await mlsign(['verify', child.path, '--with-base', plain.path, ...trust])).code, 0);
    folder.write('models/plain', { 'weights.bin': 'other weights' });
    const changed = await mlsign(['verify', child.path, '--with-base', plain.path, ...trust, '--json']);
    assert.equal(changed.code, 1);
    assert.deepEqual(
      JSON.parse(changed.stdout).findings.map(({ code, subject }: { code: string; subject: string }) => [code, subject]),
      [['file-changed', 'plain: weights.bin']],
    );
  });

  it('refuses flags that mean nothing without lineage', async () => {
    const trust = ['--trust-key', new URL('../../fixtures/keys/ec-p256.pub', import.meta.url).pathname];
    const { code, stderr } = await mlsign(['verify', adapter.path, '--search', folder.root, ...trust]);
    assert.equal(code, 2);
    assert.match(stderr, /flag-without-use|mean nothing/);
  });
});

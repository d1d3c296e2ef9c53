import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { assertCycloneDx } from '../helpers/cyclonedx.ts';
import { keyPath, RELEASER, StoredModels, signingAs, TRAINER, TRUST } from '../helpers/stored-models.ts';

interface Component {
  readonly type: string;
  readonly 'bom-ref'?: string;
  readonly name: string;
  readonly version?: string;
  readonly hashes?: readonly { readonly alg: string; readonly content: string }[];
  readonly components?: readonly Component[];
  readonly pedigree?: { readonly ancestors: readonly Component[] };
  readonly modelCard?: { readonly modelParameters: { readonly datasets: readonly { readonly ref: string }[] } };
  readonly externalReferences?: readonly { readonly type: string; readonly url: string }[];
  readonly properties?: readonly { readonly name: string; readonly value: string }[];
}

const HEX = 'b'.repeat(64);
const COMMIT = 'c'.repeat(40);

describe('mlsign bom', () => {
  let models: StoredModels;
  let base: string;
  let adapter: string;
  const trusting = ['--trust-key', keyPath(`${TRAINER}.pub`)];

  before(async () => {
    models = new StoredModels();
    base = models.sandbox.write('disk/base', { 'weights.bin': 'weights', 'config.json': '{}' });
    adapter = models.sandbox.write('disk/adapter', { 'lora.bin': 'lora' });
    const dataset = models.sandbox.path('disk', 'data.jsonl');
    writeFileSync(dataset, '{"text":"a"}\n');
    for (const path of [base, adapter, dataset]) assert.equal((await models.run('sign', path, ...signingAs(TRAINER))).code, 0);
    await attest(base, '--dataset', `https://data.example/corpus=sha256:${HEX}`, '--code', `git+https://git.example/pretrain@${COMMIT}`);
    await attest(adapter, '--base', base, '--relation', 'adapter', '--dataset', dataset, '--param', 'rank=8');
  });
  after(() => models.remove());

  async function attest(model: string, ...flags: readonly string[]): Promise<void> {
    const run = await models.run('attest', model, ...flags, '--builder', 'https://ci.example/train', ...signingAs(TRAINER));
    assert.equal(run.code, 0, run.stderr);
  }

  async function bom(...args: readonly string[]) {
    const run = await models.run('bom', ...args);
    const document = JSON.parse(run.stdout);
    assertCycloneDx(document);
    return { ...run, document, root: document.metadata.component as Component, components: document.components as readonly Component[] };
  }

  const propertyOf = ({ properties = [] }: Component, name: string) => properties.find((each) => each.name === `mlsign:${name}`)?.value;
  const named = (components: readonly Component[], name: string): Component => {
    const found = components.find((component) => component.name === name);
    assert.ok(found, `${name} among ${components.map((component) => component.name).join(', ')}`);
    return found;
  };

  it('lists the model with its files and hashes, valid by the schema of CycloneDX', async () => {
    const { root, document, code } = await bom(base);
    assert.equal(code, 0);
    assert.deepEqual([document.specVersion, root.type, root.name], ['1.6', 'machine-learning-model', 'base']);
    const { resources, model_id: modelId } = JSON.parse((await models.run('hash', base, '--json')).stdout);
    assert.equal(root.version, `sha256:${modelId}`);
    assert.deepEqual(
      root.components?.map(({ type, name, hashes }) => [type, name, hashes]),
      resources.map(({ name, digest }: { name: string; digest: string }) => ['file', name, [{ alg: 'SHA-256', content: digest }]]),
    );
  });

  it('says what it was made from: ancestors as pedigree, datasets in the card, all as a graph', async () => {
    const { root, components, document } = await bom(adapter);
    assert.deepEqual(
      root.pedigree?.ancestors.map(({ name, type }) => [name, type]),
      [['base', 'machine-learning-model']],
    );
    assert.equal(propertyOf(root.pedigree?.ancestors[0] ?? root, 'relation'), 'adapter');
    const [dataset] = root.modelCard?.modelParameters.datasets ?? [];
    assert.equal(components.find((component) => component['bom-ref'] === dataset?.ref)?.type, 'data');
    const corpus = components.find(({ hashes }) => hashes?.[0]?.content === HEX);
    assert.deepEqual(corpus?.externalReferences, [{ type: 'distribution', url: 'https://data.example/corpus' }]);
    const code = components.find(({ type }) => type === 'application');
    assert.equal(code?.externalReferences?.[0]?.type, 'vcs');
    const edges = new Map(document.dependencies.map(({ ref, dependsOn }: { ref: string; dependsOn: string[] }) => [ref, dependsOn]));
    const parent = named(components, 'base');
    assert.ok(root['bom-ref'] !== undefined && parent['bom-ref'] !== undefined);
    assert.equal((edges.get(root['bom-ref']) as string[]).length, 2);
    assert.equal((edges.get(parent['bom-ref']) as string[]).length, 2);
  });

  it('verifies nothing unless it is said whom to trust, and says so', async () => {
    const { root, stderr, document } = await bom(adapter);
    assert.equal(propertyOf(root, 'verdict'), 'not-checked');
    assert.match(document.metadata.properties[0].value, /^not verified/);
    assert.match(stderr, /warning: nothing was verified: anyone could have written this/);
  });

  it('names the signers, and what was verified, where it is said whom to trust', async () => {
    const { root, components, code, stderr, document } = await bom(adapter, ...trusting);
    assert.equal(code, 0, stderr);
    assert.equal(document.metadata.properties[0].value, 'verified');
    for (const component of [root, named(components, 'base')]) {
      assert.equal(propertyOf(component, 'verdict'), 'verified');
      assert.match(propertyOf(component, 'signer') ?? '', /ECDSA P-256|key/);
      assert.equal(propertyOf(component, 'builder'), 'https://ci.example/train');
    }
    const stranger = await bom(adapter, '--trust-key', keyPath('ed25519.pub'));
    assert.equal(stranger.code, 1);
    assert.match(stranger.stderr, /rejected: .*adapter/);
    assert.equal(stranger.document.metadata.properties[0].value, 'rejected');
  });

  it('is one of a release where it lies', async () => {
    const url = models.url('adapter');
    const pushed = await models.run('push', adapter, url, ...TRUST, ...signingAs(RELEASER));
    assert.equal(pushed.code, 0, pushed.stderr);
    const { root, code } = await bom(`${url}@1`);
    assert.deepEqual([code, root.name, root.components?.map(({ name }) => name)], [0, 'adapter', ['lora.bin']]);
    assert.equal(root.pedigree?.ancestors.length, 1);
  });

  it('of a model of one file has its hash', async () => {
    const file = models.sandbox.path('disk', 'single.gguf');
    writeFileSync(file, 'GGUF');
    const { root } = await bom(file);
    assert.deepEqual([root.name, root.hashes?.length, root.components], ['single.gguf', 1, undefined]);
  });
});

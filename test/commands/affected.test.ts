import assert from 'node:assert/strict';
import { sha256Hex } from '../../src/core/index.ts';
import { type Material, type Provenance, provenancePayload } from '../../src/formats/index.ts';
import { layoutOf } from '../../src/store/index.ts';
import { aProvenance, from, material } from '../helpers/lineage.ts';
import { signedBytes } from '../helpers/releases.ts';
import { S3Bench } from '../helpers/s3.ts';
import { assertValid } from '../helpers/schemas.ts';
import { StoredModels, TRAINER, TRUST } from '../helpers/stored-models.ts';

const CRAWL = 'd'.repeat(64);

interface ModelJson {
  readonly name: string;
  readonly releases: readonly {
    readonly number: number;
    readonly state: string;
    readonly way: readonly string[];
    readonly proven: boolean;
  }[];
  readonly channels: readonly {
    readonly channel: string;
    readonly release: number;
    readonly rollback?: { readonly to: number; readonly command: string };
  }[];
}

interface AffectedJson {
  readonly complete: boolean;
  readonly searched: object;
  readonly models: readonly ModelJson[];
  readonly unstated: readonly { readonly url: string; readonly numbers: readonly number[] }[];
  readonly findings: readonly { readonly code: string }[];
}

for (const [kind, open] of [
  ['a directory', async () => undefined],
  ['a bucket', () => S3Bench.start()],
] as const) {
  describe(`lineage in ${kind}`, () => {
    let bench: S3Bench | undefined;
    let models: StoredModels;
    let place: string;
    const ids: Record<string, string> = {};

    before(async () => {
      bench = await open();
      models = new StoredModels(bench);
      place = models.url('').replace(/\/$/, '');
      // A base from a crawl; two releases of a fine-tune of it, of which the first is from elsewhere; an adapter; and one that is unrelated.
      for (const name of ['base', 'tuned', 'tuned', 'adapter', 'other']) {
        const { number, modelId } = await models.push(name);
        ids[`${name}@${number}`] = modelId;
      }
      for (const number of [1, 2]) await models.promote(number, new Date(), 30, 'production', 'tuned');
      await models.promote(1, new Date(), 30, 'staging', 'adapter');
      await attest('base@1', [material({ sha256: CRAWL }, 'dataset', { uri: 's3://data/crawl' })]);
      await attest('tuned@1', [material({ sha256: 'e'.repeat(64) }, 'dataset', { uri: 's3://data/clean' })]);
      await attest('tuned@2', [fromStore('base@1')], { relation: 'finetune' });
      // Without a URI: found among the models of the prefix.
      await attest('adapter@1', [from({ name: 'whatever', id: idOf('tuned@2') })], { relation: 'adapter' });
    });
    after(async () => {
      models.remove();
      await bench?.stop();
    });

    const idOf = (text: string): string => ids[text] ?? '';

    function fromStore(text: string): Material {
      const [name = '', number] = text.split('@');
      return from({ name, id: idOf(text) }, 'base-model', { uri: `${models.url(name)}@${number}` });
    }

    async function attest(
      text: string,
      materials: readonly Material[],
      fields: Partial<Provenance> = {},
      key: string = TRAINER,
    ): Promise<string> {
      const [name = ''] = text.split('@');
      const bytes = await signedBytes(provenancePayload(aProvenance({ name, id: idOf(text) }, materials, fields)), key);
      const at = layoutOf(models.location(name)).attestation(idOf(text), sha256Hex(bytes));
      await models.put(at, bytes);
      return at;
    }

    async function affected(...args: readonly string[]): Promise<AffectedJson> {
      const { code, stdout, stderr } = await models.run('affected', ...args, '--json');
      assert.equal(code, 0, stderr);
      const document = JSON.parse(stdout);
      assertValid('affected', document);
      return document;
    }

    const ways = ({ models }: AffectedJson) =>
      models.flatMap(({ name, releases }) =>
        releases.map(({ number, way }) => `${name}@${number}: ${way.map((step) => step.replace(/ \(.*/, '')).join(' > ')}`),
      );

    it('shows the ancestors of a release, found by their URI and among the models of the prefix', async () => {
      const { code, stdout, stderr } = await models.run('lineage', `${models.url('adapter')}@staging`, ...TRUST, '--json');
      assert.equal(code, 0, stderr + stdout);
      const document = JSON.parse(stdout);
      assertValid('lineage', document);
      assert.deepEqual(
        document.nodes.map(({ name, uri, verdict }: { name?: string; uri?: string; verdict: string }) => [name ?? uri, verdict]),
        [
          ['adapter', 'verified'],
          ['tuned', 'verified'],
          ['base', 'verified'],
          ['s3://data/crawl', 'not-checked'],
        ],
      );
      const plain = await models.run('lineage', `${models.url('adapter')}@1`);
      assert.match(plain.stdout, /└─ base-model {2}tuned .*\n {3}└─ base-model {2}base .*\n {6}└─ dataset {2}s3:\/\/data\/crawl /);
    });

    it('shows the descendants of a model', async () => {
      const { code, stdout } = await models.run('lineage', `${models.url('base')}@1`, '--descendants', place, '--json');
      assert.equal(code, 0);
      const document = JSON.parse(stdout);
      assertValid('lineage', document);
      assert.deepEqual(
        document.nodes.map(({ name, depth }: { name: string; depth: number }) => [name, depth]),
        [
          ['base', 0],
          ['tuned', 1],
          ['adapter', 2],
        ],
      );
      const text = await models.run('lineage', `${models.url('base')}@1`, '--descendants', place);
      assert.match(text.stdout, /└─ as base-model of {2}tuned .*\n {3}└─ as base-model of {2}adapter /);
    });

    it('lists every release and channel that descends from a dataset, with the command that goes back', async () => {
      const found = await affected(`sha256:${CRAWL}`, place);
      assert.deepEqual(ways(found), [
        'adapter@1: s3://data/crawl > base > tuned > adapter',
        'base@1: s3://data/crawl > base',
        'tuned@2: s3://data/crawl > base > tuned',
      ]);
      assert.deepEqual(found.searched, { models: 4, releases: 5 });
      const [adapter, base, tuned] = found.models;
      assert.deepEqual(base?.channels, []);
      assert.deepEqual(adapter?.channels, [{ channel: 'staging', release: 1 }]);
      assert.deepEqual(tuned?.channels, [
        {
          channel: 'production',
          release: 2,
          rollback: { to: 1, command: `mlsign rollback ${models.url('tuned')} --channel production --to 1` },
        },
      ]);
      assert.deepEqual(found.unstated, [{ url: models.url('other'), numbers: [1] }]);
      assert.ok(found.complete);
      assert.ok(found.models.every(({ releases }) => releases.every(({ proven, state }) => !proven && state === 'claimed')));
    });

    it('lists what descends from a release, and what is proven where it is said whom to trust', async () => {
      const found = await affected(`${models.url('base')}@1`, place, ...TRUST);
      assert.deepEqual(ways(found), ['adapter@1: base > tuned > adapter', 'base@1: base', 'tuned@2: base > tuned']);
      assert.ok(found.models.every(({ releases }) => releases.every(({ proven, state }) => proven && state === 'verified')));
    });

    it('finds a file by its digest in the models that hold it', async () => {
      const found = await affected(`sha256:${sha256Hex('weights 1')}`, place);
      assert.deepEqual(ways(found).length, 3);
    });

    it('searches one model where one is named, and nothing twice', async () => {
      assert.deepEqual(ways(await affected(`sha256:${CRAWL}`, models.url('base'))), ['base@1: s3://data/crawl > base']);
      assert.deepEqual((await affected(`sha256:${CRAWL}`, place, models.url('base'))).searched, { models: 4, releases: 5 });
    });

    it('tells people what to run', async () => {
      const { code, stdout } = await models.run('affected', `sha256:${CRAWL}`, place);
      assert.equal(code, 0);
      assert.match(stdout, /^3 releases and 2 channels descend from it {2}sha256:d+ {2}searched: 4 models, 5 releases\n/);
      assert.match(stdout, /@staging {2}points to release 1 {2}no release to go back to: take it out of use\n/);
      assert.match(stdout, /not known of 1 release, because nobody says what they were made from\n/);
      assert.match(stdout, /→ mlsign rollback \S+\/tuned --channel production --to 1 --reason "descends from sha256:d+"\n/);
      assert.match((await models.run('affected', `sha256:${'0'.repeat(64)}`, place)).stdout, /^nothing {2}/);
    });

    it('counts what is only claimed too, and says so', async () => {
      const key = await attest('other@1', [fromStore('base@1')], {}, 'ec-p521');
      const found = await affected(`sha256:${CRAWL}`, place, ...TRUST);
      models.delete(key);
      const other = found.models.find(({ name }) => name === 'other');
      assert.deepEqual(
        other?.releases.map(({ proven }) => proven),
        [false],
      );
      assert.ok(found.models.filter(({ name }) => name !== 'other').every(({ releases }) => releases.every(({ proven }) => proven)));
    });

    it('says that the list may not be complete where something cannot be read', async () => {
      const key = layoutOf(models.location('other')).release(7);
      models.overwrite(key, 'no record');
      const { code, stdout } = await models.run('affected', `sha256:${CRAWL}`, place, '--json');
      models.delete(key);
      assert.equal(code, 3);
      const document: AffectedJson = JSON.parse(stdout);
      assertValid('affected', document);
      assert.equal(document.complete, false);
      assert.deepEqual(ways(document).length, 3);
    });

    it('refuses a signer, from whom no model descends', async () => {
      const { code, stderr } = await models.run('affected', 'ci@example.com', place);
      assert.equal(code, 2);
      assert.match(stderr, /models descend from models, datasets and code, and this is a signer/);
    });
  });
}

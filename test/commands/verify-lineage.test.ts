import assert from 'node:assert/strict';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { type CliRun, mlsign } from '../helpers/cli.ts';
import { from, LineageFolder, type TestModel } from '../helpers/lineage.ts';
import { assertValid } from '../helpers/schemas.ts';
import { STORE_BEDS, type StoreBed } from '../helpers/store-bed.ts';
import { signingAs } from '../helpers/stored-models.ts';

interface VerifyJson {
  readonly verdict: string;
  readonly model_id?: string;
  readonly base?: { readonly model_id?: string };
  readonly lineage?: { readonly nodes: readonly { readonly name?: string; readonly verdict: string }[] };
  readonly findings: readonly { readonly code: string; readonly severity: string }[];
}

for (const [kind, open] of Object.entries(STORE_BEDS)) {
  describe(`mlsign verify with lineage in ${kind}`, () => {
    const folder = new LineageFolder();
    let bed: StoreBed;
    let base: TestModel;
    let adapter: TestModel;
    let policy: string;

    before(async () => {
      bed = await open();
      base = await folder.model('base', 'meta');
      adapter = await folder.model('adapter');
      await folder.attest(adapter, [from(base)], { relation: 'adapter' });
      // The base has a rule of its own: upstream signs and releases it.
      policy = folder.policyFile('lineage:\n  base-model: { signed-by: meta, minimum: 1 }\n');
      const rules = `rules:\n  - { model: "**/base", signed-by: meta }\n`;
      writeFileSync(policy, readFileSync(policy, 'utf8').replace('rules:\n', rules));
      await pushed('base', base, 'ed25519');
    });
    after(async () => {
      folder.remove();
      await bed.close();
    });

    const run = (...args: readonly string[]): Promise<CliRun> =>
      mlsign(args, { env: { XDG_STATE_HOME: folder.path('state'), ...bed.env } });

    async function pushed(name: string, model: TestModel, key: string): Promise<void> {
      const { code, stderr, stdout } = await run('push', model.path, bed.url(name), '--policy', policy, ...signingAs(key));
      assert.equal(code, 0, stderr + stdout);
    }

    async function verify(...args: readonly string[]): Promise<VerifyJson & { readonly code: number | null }> {
      const { code, stdout, stderr } = await run('verify', ...args, '--policy', policy, '--json');
      assert.ok(stdout !== '', stderr);
      const document = JSON.parse(stdout);
      assertValid('verification', document);
      return { ...document, code };
    }

    it('pushes, verifies and pulls a model whose ancestors are in the same store', async () => {
      await pushed('adapter', adapter, 'ec-p256');
      const { code, lineage, findings } = await verify(`${bed.url('adapter')}@1`);
      assert.deepEqual(findings, []);
      assert.equal(code, 0);
      assert.deepEqual(
        lineage?.nodes.map(({ name, verdict }) => [name, verdict]),
        [
          ['adapter', 'verified'],
          ['base', 'verified'],
        ],
      );
      const pulled = await run('pull', `${bed.url('adapter')}@1`, folder.path('pulled'), '--policy', policy);
      assert.equal(pulled.code, 0, pulled.stderr);
    });

    it('binds a stored adapter to the stored base', async () => {
      const { code, base: found } = await verify(`${bed.url('adapter')}@1`, '--with-base', `${bed.url('base')}@1`);
      assert.equal(code, 0);
      assert.equal(found?.model_id, base.id);
      assert.equal((await verify(adapter.path, '--with-base', `${bed.url('base')}@1`)).code, 0);
    });

    it('refuses to push a model that names no base, or without provenance', async () => {
      const plain = await folder.model('plain');
      const { code, stdout, stderr } = await run('push', plain.path, bed.url('plain'), '--policy', policy, ...signingAs('ec-p256'));
      assert.equal(code, 3, stderr);
      assert.match(stdout + stderr, /what it was made from is not stated by anybody who may/);
    });

    it('reads the provenance that the release pins where somebody deleted it', async () => {
      const key = bed.keys().find((name) => name.includes(`${adapter.id}/`) && name.endsWith('.att'));
      assert.ok(key);
      bed.delete(key);
      const { code, findings } = await verify(`${bed.url('adapter')}@1`);
      // Its versions stay, and the release names one of them.
      assert.equal(code, 0, JSON.stringify(findings));
    });

    it('reads what was there first where somebody wrote over the bundles of an ancestor', async () => {
      const bundles = bed.keys().filter((name) => name.includes(`${base.id}/`) && name.endsWith('.sig'));
      assert.ok(bundles.length > 0);
      for (const key of bundles) bed.overwrite(key, 'another');
      const { code, findings } = await verify(`${bed.url('adapter')}@1`);
      assert.equal(code, 0, JSON.stringify(findings));
    });

    it('leaves it open where the base is gone', async () => {
      rmSync(folder.path('models/base'), { recursive: true });
      for (const key of bed.keys().filter((name) => name.includes('base/') && name.endsWith('.sig'))) bed.delete(key);
      const { code, findings } = await verify(`${bed.url('adapter')}@1`);
      assert.deepEqual(
        findings.map(({ code, severity }) => `${severity} ${code}`),
        ['undetermined lineage-parent-missing'],
      );
      assert.equal(code, 3);
    });
  });
}

import assert from 'node:assert/strict';
import { createPublicKey } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { sep } from 'node:path';
import fc from 'fast-check';
import { MlsignError, sha256Hex } from '../../src/core/index.ts';
import { loadPolicy, modelLocation, selectRule } from '../../src/policy/index.ts';
import { makeCertificate } from '../helpers/certificates.ts';
import { keyFile, mlsignError } from '../helpers/keys.ts';
import { PolicyFolder, PRINCIPALS, policyYaml as rule } from '../helpers/policies.ts';

describe('policy file', () => {
  let folder: PolicyFolder;
  before(() => {
    folder = new PolicyFolder();
  });
  after(() => folder.remove());

  const load = (yaml: string | Uint8Array) => loadPolicy(folder.policy(yaml));

  describe('says who must have signed', () => {
    it('reads principals, roles and rules', async () => {
      const yaml = `${PRINCIPALS}rules:
  - model: models/**
    signed-by: [2 of [ml-lead, security], release]
    ignore-paths: [.cache, notes/draft.md]
    unsigned-paths: [README.md]
    allow-symlinks: true
    ignore-unsigned-files: true
    allow-legacy: true
  - { model: "**", signed-by: ml-lead }
`;
      // In flow style a requirement with brackets is quoted.
      const policy = await load(yaml.replace('[2 of [ml-lead, security], release]', '["2 of [ml-lead, security]", release]'));
      const [lead, security, ci] = policy.principals;
      const [key] = lead?.trust ?? [];
      assert.ok(key?.kind === 'key' && key.key.equals(createPublicKey(keyFile('ec-p256.pub'))));
      assert.equal(key.where, 'keys/ec-p256.pub');
      const [authority] = ci?.trust ?? [];
      assert.ok(authority?.kind === 'ca');
      assert.deepEqual([authority.roots, authority.subject], [[folder.rootCertificate.der], 'CN=release-ci,O=Example']);
      const here = modelLocation(folder.root);
      assert.deepEqual(policy.rules, [
        {
          name: 'models/**',
          pattern: `${here}/models/**`,
          signedBy: [
            { text: '2 of [ml-lead, security]', threshold: 2, of: [lead, security] },
            { text: 'release', threshold: 1, of: [lead, ci] },
          ],
          require: { timestamps: 0, logs: 0 },
          ignorePaths: ['.cache', 'notes/draft.md'],
          unsignedPaths: ['README.md'],
          allowSymlinks: true,
          allowLegacy: true,
          ignoreUnsigned: true,
          releasedBy: undefined,
          channels: new Map(),
          lineage: new Map(),
          attestations: [],
          revocations: [],
          vsa: undefined,
          attestedEndpoints: [],
          formats: { allowCode: [], by: 'default' },
        },
        {
          name: '**',
          pattern: '**',
          signedBy: [{ text: 'ml-lead', threshold: 1, of: [lead] }],
          require: { timestamps: 0, logs: 0 },
          ignorePaths: 'signed',
          unsignedPaths: [],
          allowSymlinks: false,
          allowLegacy: false,
          ignoreUnsigned: false,
          releasedBy: undefined,
          channels: new Map(),
          lineage: new Map(),
          attestations: [],
          revocations: [],
          vsa: undefined,
          attestedEndpoints: [],
          formats: { allowCode: [], by: 'default' },
        },
      ]);
      assert.equal(policy.source, folder.path('mlsign.policy.yaml'));
    });

    it('keeps its own digest and the files it was made of', async () => {
      const yaml = rule('signed-by: ml-lead');
      const { digest, files } = await load(yaml);
      assert.equal(digest, sha256Hex(yaml));
      const names = ['mlsign.policy.yaml', `keys${sep}ec-p256.pub`, `keys${sep}ed25519.pub`, 'root.pem'];
      assert.deepEqual(
        files,
        names.map((name) => folder.path(name)),
      );
    });

    it('counts a principal once that two roles of a requirement hold', async () => {
      const yaml = rule('signed-by: 2 of [release, all]').replace('rules:', '  all: [ml-lead, security]\nrules:');
      const [requirement] = (await load(yaml)).rules[0]?.signedBy ?? [];
      assert.deepEqual(
        requirement?.of.map(({ name }) => name),
        ['ml-lead', 'release-ci', 'security'],
      );
    });

    it('takes several keys, authorities and PEM text for one principal', async () => {
      const pem = keyFile('ec-p384.pub').toString().trimEnd().replaceAll('\n', '\n        ');
      const yaml = `version: 1
principals:
  lead:
    - key:
      - keys/ec-p256.pub
      - |
        ${pem}
    - { key: keys/rsa-2048.pub, scheme: rsa-pkcs1-sha256 }
    - { ca: [root.pem, other-root.pem], alternative-name: "email:lead@example.com", scheme: ed25519 }
rules:
  - { model: "**", signed-by: lead }
`;
      const trust = (await load(yaml)).principals[0]?.trust ?? [];
      assert.deepEqual(
        trust.map((entry) => [entry.kind, entry.where, 'scheme' in entry ? entry.scheme : undefined]),
        [
          ['key', 'keys/ec-p256.pub', 'ecdsa-p256-sha256'],
          ['key', 'principals.lead[0].key[1]', 'ecdsa-p384-sha384'],
          ['key', 'keys/rsa-2048.pub', 'rsa-pkcs1-sha256'],
          ['ca', 'root.pem, other-root.pem', 'ed25519'],
        ],
      );
      const last = trust.at(-1);
      assert.ok(last?.kind === 'ca' && last.alternativeName === 'email:lead@example.com' && last.roots.length === 2);
    });

    it('lets a renewed certificate keep its key', async () => {
      const leaf = makeCertificate({});
      const renewed = makeCertificate({ key: leaf });
      writeFileSync(folder.path('old.crt'), leaf.pem);
      writeFileSync(folder.path('new.crt'), renewed.pem);
      const { principals } = await load(
        'version: 1\nprincipals: { a: { key: [old.crt, new.crt] } }\nrules: [{ model: "**", signed-by: a }]\n',
      );
      assert.equal(principals[0]?.trust.length, 2);
    });
  });

  describe('is chosen from by the location of the model', () => {
    const rules = (...patterns: readonly string[]) =>
      load(`${PRINCIPALS}rules:\n${patterns.map((pattern) => `  - { model: "${pattern}", signed-by: ml-lead }\n`).join('')}`);

    it('the most specific rule wins, in any order', async () => {
      for (const patterns of [
        ['**', '/srv/**', '/srv/llama'],
        ['/srv/llama', '/srv/**', '**'],
      ]) {
        const policy = await rules(...patterns);
        assert.equal(selectRule(policy, '/srv/llama').name, '/srv/llama');
        assert.equal(selectRule(policy, '/srv/other').name, '/srv/**');
        assert.equal(selectRule(policy, '/home/x').name, '**');
      }
    });

    it('a relative pattern begins at the policy file', async () => {
      const policy = await rules('models/*');
      assert.equal(selectRule(policy, modelLocation(folder.path('models', 'llama'))).name, 'models/*');
    });

    it('a model without a rule is rejected', async () => {
      const policy = await rules('/srv/**', '/opt/*');
      const expected = mlsignError('policy-no-rule', 'no rule of the policy is for this model', {
        outcome: 'refused',
        subject: '/home/x',
        expected: 'a location that matches /srv/** or /opt/*',
        suggestions: [`add a rule for this model to ${policy.source}, or check where the model lies`],
      });
      assert.throws(() => selectRule(policy, '/home/x'), expected);
    });

    it('of many patterns, five are shown to a model without a rule', async () => {
      const policy = await rules(...Array.from({ length: 12 }, (_, i) => `/srv/${i}`));
      const expected = mlsignError('policy-no-rule', 'no rule of the policy is for this model', {
        expected: 'a location that matches /srv/0 or /srv/1 or /srv/2 or /srv/3 or /srv/4 or one of 7 other patterns',
      });
      assert.throws(() => selectRule(policy, '/home/x'), expected);
    });

    it('a tie is an error, which one more rule resolves', async () => {
      const patterns = ['/srv/*/llama', '/srv/a/*', '**'];
      const expected = mlsignError('policy-rules-tie', 'several rules of the policy are for this model, and none is the most specific', {
        outcome: 'usage',
        got: '/srv/*/llama, /srv/a/*, **',
      });
      const tied = await rules(...patterns);
      assert.throws(() => selectRule(tied, '/srv/a/llama'), expected);
      assert.equal(selectRule(tied, '/srv/b/llama').name, '/srv/*/llama');
      assert.equal(selectRule(await rules(...patterns, '/srv/a/llama'), '/srv/a/llama').name, '/srv/a/llama');
    });
  });

  it('that cannot be read is a usage error', async () => {
    const expected = mlsignError('policy-unreadable', 'cannot read the policy: no such file or directory', { outcome: 'usage' });
    await assert.rejects(loadPolicy(folder.path('missing.yaml')), expected);
    await assert.rejects(
      loadPolicy(folder.root),
      mlsignError('policy-unreadable', 'the policy is not a regular file', { outcome: 'usage' }),
    );
  });

  it('cut off at any byte never loads as another policy that demands less', async () => {
    const yaml = rule('signed-by:\n  - 2 of [ml-lead, security]\n  - release');
    const path = folder.policy('');
    for (let length = 0; length < yaml.trimEnd().length; length++) {
      writeFileSync(path, yaml.slice(0, length));
      const policy = await loadPolicy(path).catch((error: unknown) => {
        assert.ok(error instanceof MlsignError && error.code === 'policy-invalid', String(error));
        return undefined;
      });
      // YAML has no end mark: what is cut between two lines of a list is a shorter list.
      if (policy !== undefined) assert.ok(length > yaml.indexOf('security]'), yaml.slice(0, length));
    }
  }).timeout(30_000);

  it('of arbitrary text is an error with a code', async () => {
    const path = folder.policy('');
    const yaml = rule('signed-by: release');
    await fc.assert(
      fc.asyncProperty(fc.nat(yaml.length), fc.nat(8), fc.string({ maxLength: 8 }), async (at, cut, text) => {
        writeFileSync(path, yaml.slice(0, at) + text + yaml.slice(at + cut));
        await loadPolicy(path).catch((error: unknown) => assert.ok(error instanceof MlsignError, String(error)));
      }),
      { numRuns: 200 },
    );
  }).timeout(30_000);
});

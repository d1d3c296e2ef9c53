import assert from 'node:assert/strict';
import { copyFileSync, mkdirSync, readFileSync } from 'node:fs';
import { parse } from 'yaml';
import { loadPolicy, modelLocation, selectRule } from '../../src/policy/index.ts';
import { keyTrust } from '../../src/policy/principal.ts';
import { HAS_ML_DSA, keyFile, keyUrl } from '../helpers/keys.ts';
import { PolicyFolder } from '../helpers/policies.ts';
import { assertValid } from '../helpers/schemas.ts';

const FILES = {
  'ml-lead.pub': 'ec-p256.pub',
  'security-2025.pub': 'ec-p384.pub',
  'security-2026.pub': 'ec-p521.pub',
  'old-rsa.pub': 'rsa-2048.pub',
  'release-ml-dsa.pub': 'ml-dsa-65.pub',
};

const resolveKms = async (arn: string) => keyTrust({ pem: keyFile('rsa-2048.pub'), where: arn });

describe('docs/policy.md', () => {
  const examples = readFileSync(new URL('../../docs/policy.md', import.meta.url), 'utf8')
    .split(/^```/m)
    .filter((block) => block.startsWith('yaml\n'))
    .map((block) => block.slice('yaml\n'.length));
  let folder: PolicyFolder;
  before(() => {
    folder = new PolicyFolder();
    for (const [name, source] of Object.entries(FILES)) copyFileSync(keyUrl(source), folder.path('keys', name));
    mkdirSync(folder.path('pki'));
    copyFileSync(folder.path('root.pem'), folder.path('pki', 'root.pem'));
  });
  after(() => folder.remove());

  it('has examples', () => assert.equal(examples.length, 11));

  for (const [index, example] of examples.entries()) {
    it(`example ${index + 1} is a policy, for the parser and for the schema`, async function () {
      if (example.includes('ml-dsa') && !HAS_ML_DSA) this.skip();
      const { rules } = await loadPolicy(folder.policy(example), { resolveKms });
      assert.ok(rules.length > 0);
      assertValid('policy', parse(example));
    });
  }

  it('the whole example chooses its rules as it says', async () => {
    const policy = await loadPolicy(folder.policy(examples[1] ?? ''), { resolveKms });
    const ruleFor = (...parts: readonly string[]) => selectRule(policy, modelLocation(folder.path(...parts))).name;
    assert.equal(ruleFor('models', 'production', 'llama'), 'models/production/*');
    assert.equal(ruleFor('models', 'production', 'llama', 'v2'), '**');
    assert.equal(ruleFor('models', 'third-party', 'a', 'b'), 'models/third-party/**');
    assert.equal(ruleFor('elsewhere'), '**');
  });
});

import assert from 'node:assert/strict';
import { isFrom, type LineageRule, loadPolicy, selectRule } from '../../src/policy/index.ts';
import { PolicyFolder, policyYaml } from '../helpers/policies.ts';

describe('policy: what a model was made from', () => {
  const folder = new PolicyFolder();
  after(() => folder.remove());

  async function lineage(lines: string): Promise<ReadonlyMap<string, LineageRule>> {
    const policy = await loadPolicy(folder.policy(policyYaml(`signed-by: ml-lead\n${lines}`)));
    return selectRule(policy, '/srv/models/llama').lineage;
  }

  it('asks nothing unless it says so', async () => {
    assert.equal((await lineage('')).size, 0);
  });

  it('says by role who must sign, where from, by which builders, and how many', async () => {
    const rules = await lineage(`lineage:
  model: { signed-by: release, builders: [https://ci.example/train], required: false }
  base-model: { signed-by: [security, "1 of [ml-lead, security]"], from: ["s3://models/**"], minimum: 2 }
  code: { from: ["git+https://example.com/*"] }`);
    const shown = [...rules].map(([role, { signedBy, ...rest }]) => [
      role,
      signedBy?.map(({ text, of }) => [text, of.map(({ name }) => name)]),
      rest,
    ]);
    assert.deepEqual(shown, [
      [
        'model',
        [['release', ['ml-lead', 'release-ci']]],
        { from: [], builders: ['https://ci.example/train'], required: false, minimum: 0 },
      ],
      [
        'base-model',
        [
          ['security', ['security']],
          ['1 of [ml-lead, security]', ['ml-lead', 'security']],
        ],
        { from: ['s3://models/**'], builders: [], required: true, minimum: 2 },
      ],
      ['code', undefined, { from: ['git+https://example.com/*'], builders: [], required: true, minimum: 0 }],
    ]);
  });

  const refused: readonly (readonly [string, RegExp])[] = [
    ['{}', /lineage: expected at least one role/],
    ['{ base: { minimum: 1 } }', /lineage\.base: expected a role: model, base-model, /],
    ['{ datset: { minimum: 1 } }', /did you mean "dataset"\?/],
    ['{ dataset: {} }', /lineage\.dataset: expected signed-by, builders, required, from, minimum, got an object/],
    ['{ dataset: { signed_by: security } }', /no such field \(did you mean "signed-by"\?\)/],
    ['{ dataset: { signed-by: nobody } }', /lineage\.dataset\.signed-by: expected a principal or a role/],
    ['{ dataset: { signed-by: [] } }', /at least 1 entry|1 to 10000 entries/],
    ['{ dataset: { signed-by: "3 of [ml-lead, security]" } }', /at most 2/],
    ['{ dataset: { required: true } }', /required: expected no such field without signed-by/],
    ['{ dataset: { minimum: 0 } }', /minimum: expected an integer from 1 to 10000/],
    ['{ dataset: { from: [] } }', /from: expected 1 to 10000 entries/],
    ['{ dataset: { from: [data/**] } }', /from\[0\]: expected a URI with "\*" and "\*\*"/],
    ['{ dataset: { from: ["s3://a/b**"] } }', /"\*\*" as a whole segment/],
    ['{ dataset: { from: ["s3://a/**/**"] } }', /one "\*\*" where two follow each other/],
    ['{ dataset: { from: ["s3://a", "s3://a"] } }', /each entry once/],
    ['{ dataset: { builders: [ci] } }', /builders\[0\]: expected a URI/],
    ['{ model: { minimum: 1 } }', /lineage\.model\.minimum: expected no such field/],
    ['{ model: { from: ["s3://a/**"] } }', /lineage\.model\.from: expected no such field/],
  ];
  for (const [text, message] of refused) {
    it(`refuses ${text}`, () => folder.refuses(policyYaml(`signed-by: ml-lead\nlineage: ${text}`), message));
  }
});

describe('policy: where a URI is from', () => {
  const cases: readonly (readonly [string, string | undefined, boolean])[] = [
    ['s3://data/**', 's3://data/a/b', true],
    ['s3://data/**', 's3://data', true],
    ['s3://data/*', 's3://data/a/b', false],
    ['s3://data/**', 's3://database/a', false],
    ['s3://data/**', 's3://data/../evil/a', false],
    ['s3://data/**', 's3://data/%2E%2e/evil', false],
    ['s3://data/**', 's3://data/.%2e/evil', false],
    ['s3://data/**', 's3://data//a', false],
    ['s3://data/**', 'https://s3://data/a', false],
    ['git+https://example.com/**', 'git+https://example.com@evil.example/a', false],
    ['git+https://example.com/**', 'GIT+HTTPS://example.com/a', false],
    ['**', 's3://anything/at/all', true],
    ['**', undefined, false],
    ['file:/srv/*', 'file:/srv/a', true],
    ['file:///srv/*', 'file:///srv/a', true],
  ];
  for (const [pattern, uri, expected] of cases) {
    it(`${pattern} ${expected ? 'takes' : 'does not take'} ${uri}`, () => assert.equal(isFrom([pattern], uri), expected));
  }

  it('anywhere, where no place is named', () => assert.ok(isFrom([], undefined)));
});

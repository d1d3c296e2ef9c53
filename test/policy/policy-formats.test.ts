import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { FILE_FORMATS } from '../../src/filetypes/index.ts';
import { combine, loadPolicy, type Policy, policyFromFlags, selectRule } from '../../src/policy/index.ts';
import { keyFile, mlsignError } from '../helpers/keys.ts';
import { PolicyFolder, policyYaml } from '../helpers/policies.ts';

describe('policy: what files may be', () => {
  const folder = new PolicyFolder();
  after(() => folder.remove());

  const load = (lines: string): Promise<Policy> => loadPolicy(folder.policy(policyYaml(`signed-by: security\n${lines}`)));
  const of = (policy: Policy) => selectRule(policy, 's3://models/llama').formats;
  const flags = { trustKeys: [{ pem: keyFile('ed25519.pub'), where: 'ed25519.pub' }] };

  it('is anything that runs no code where a policy says nothing; flags alone only advise', async () => {
    assert.deepEqual(of(await load('')), { allowCode: [], by: 'default' });
    assert.deepEqual(of(policyFromFlags(flags)), { allowCode: [], by: 'flags' });
    assert.deepEqual(of(combine(await load(''), flags)), { allowCode: [], by: 'default' });
  });

  it('is what a rule lists', async () => {
    const policy = await load(
      'formats: { allow: [safetensors, json], allow-code: [pytorch], imports: [collections.OrderedDict, "torch._utils.*"] }',
    );
    const imports = ['collections.OrderedDict', 'torch._utils.*'];
    assert.deepEqual(of(policy), { allow: ['safetensors', 'json'], allowCode: ['pytorch'], imports, by: 'rule' });
    assert.equal(of(await load('formats: any')), 'any');
    assert.deepEqual(of(await load('formats: { allow-code: [python] }')), { allowCode: ['python'], by: 'rule' });
  });

  it('may import a dangerous name only where it is written out', async () => {
    const policy = await load('formats: { allow-code: [pickle], imports: [builtins.getattr, os.path.join] }');
    assert.deepEqual(of(policy), { allowCode: ['pickle'], imports: ['builtins.getattr', 'os.path.join'], by: 'rule' });
  });

  for (const [what, lines, message] of [
    ['another word', 'all', /5: .*"any", or an object with allow, allow-code, imports/],
    ['nothing in it', '{}', /"any", or allow, allow-code, imports/],
    ['a list', '[json]', /expected an object/],
    ['a field that there is not', '{ allowed: [json] }', /no such field \(did you mean "allow"\?\)/],
    ['an empty list', '{ allow: [] }', /1 to 10000 entries/],
    [
      'a misspelt format',
      '{ allow: [safetensor] }',
      /formats\.allow\[0\]: expected a format \(did you mean "safetensors"\?\), got "safetensor"/,
    ],
    ['a format that there is not', '{ allow-code: [anything-at-all] }', /a format: safetensors, gguf,/],
    ['a format twice', '{ allow: [json, json] }', /each entry once/],
    ['imports of nothing', '{ allow: [json], imports: [a.b] }', /no such field without allow-code/],
    ['every import', '{ allow-code: [pickle], imports: ["*"] }', /module\.name, or module\.\* for every name of one module/],
    ['a pattern within a name', '{ allow-code: [pickle], imports: ["torch.Float*"] }', /module\.name, or module\.\*/],
    ['a pattern for modules', '{ allow-code: [pickle], imports: ["torch.*.load"] }', /module\.name, or module\.\*/],
    ['a bare module', '{ allow-code: [pickle], imports: [torch] }', /module\.name, or module\.\*/],
    ['an import that is unknown', '{ allow-code: [pickle], imports: ["?.?"] }', /module\.name, or module\.\*/],
    ['a newline in an import', '{ allow-code: [pickle], imports: ["a.b\\nos.system"] }', /module\.name, or module\.\*/],
  ] as const) {
    it(`is refused with ${what}, by line and column`, async () => {
      const refused = mlsignError('policy-invalid', message, { outcome: 'usage' });
      await assert.rejects(load(`formats: ${lines}`), refused);
      await assert.rejects(load(`formats: ${lines}`), mlsignError('policy-invalid', /line \d+, column \d+/));
    });
  }

  for (const module of [
    'builtins',
    '__builtin__',
    'os',
    'os.path',
    'posix',
    'nt',
    'sys',
    'subprocess',
    'runpy',
    'importlib',
    'pickle',
    'ctypes',
    'operator',
  ]) {
    it(`is refused with every name of ${module}`, async () => {
      const message = /each name by itself: \w+ has names that run any code/;
      await assert.rejects(load(`formats: { allow-code: [pickle], imports: ["${module}.*"] }`), mlsignError('policy-invalid', message));
    });
  }

  it('has the formats in its schema that files are told apart by', () => {
    const schema = JSON.parse(readFileSync(new URL('../../schemas/policy.schema.json', import.meta.url), 'utf8'));
    assert.deepEqual(schema.$defs['format-list'].items.enum, FILE_FORMATS);
  });
});

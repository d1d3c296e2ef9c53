import assert from 'node:assert/strict';
import { combine, loadPolicy, type Policy, policyFromFlags, revokerRule, type SignerGroups, selectRule } from '../../src/policy/index.ts';
import { keyFile, mlsignError } from '../helpers/keys.ts';
import { PolicyFolder, policyYaml } from '../helpers/policies.ts';

const LOCATION = 's3://models/prod/llama';

describe('policy: the revocation list that must be there', () => {
  const folder = new PolicyFolder();
  after(() => folder.remove());

  const load = (lines: string, top = ''): Promise<Policy> => loadPolicy(folder.policy(`${policyYaml(lines)}\n${top}`));
  const key = (name: string) => ({ pem: keyFile(`${name}.pub`), where: `${name}.pub` });
  const names = (groups: SignerGroups) => groups.map((group) => group.map(({ name }) => name));
  const of = (policy: Policy) =>
    selectRule(policy, LOCATION).revocations.map(({ signedBy, ...rest }) => ({ ...rest, by: names(signedBy) }));

  it('is none unless one is named', async () => {
    assert.deepEqual(of(await load('signed-by: security')), []);
  });

  it('is the one of the rule, else the one at the top; paths begin at the policy file', async () => {
    const top = 'revocations: { signed-by: security, file: lists/all.json }';
    assert.deepEqual(of(await load('signed-by: security', top)), [
      { place: { kind: 'file', path: folder.path('lists', 'all.json') }, name: undefined, by: [['security']] },
    ]);
    const own = await load('signed-by: security\nrevocations: { signed-by: ml-lead, store: true, name: acme }', top);
    assert.deepEqual(of(own), [{ place: { kind: 'store' }, name: 'acme', by: [['ml-lead']] }]);
    const local = await load('signed-by: security\nrevocations: { signed-by: ml-lead, store: "file:store" }');
    assert.deepEqual(
      of(local).map(({ place }) => place),
      [{ kind: 'store', url: `file:${folder.path('store')}` }],
    );
  });

  for (const [what, lines, message] of [
    ['nobody who may sign it', '{ file: a.json }', /revocations\.signed-by: expected the revoker/],
    ['an unknown signer', '{ file: a.json, signed-by: securty }', /did you mean "security"/],
    ['two signers at once', '{ file: a.json, signed-by: "2 of [security, ml-lead]" }', /1 signer: it has one signature/],
    ['no place', '{ signed-by: security }', /either "file" or "store"/],
    ['two places', '{ signed-by: security, file: a.json, store: true }', /either "file" or "store"/],
    ['a store that is false', '{ signed-by: security, store: false }', /true \(the store of the release\)/],
    ['a name with a slash', '{ signed-by: security, store: true, name: a/b }', /a name without/],
    ['a field that there is not', '{ signed-by: security, store: true, required: true }', /no such field/],
  ] as const) {
    it(`is refused with ${what}`, async () => {
      await assert.rejects(load(`signed-by: security\nrevocations: ${lines}`), mlsignError('policy-invalid', message));
    });
  }

  it('of flags stands beside that of a policy file: both must hold', async () => {
    const place = { kind: 'file', path: 'x.json' } as const;
    const flags = { revocations: { place, keys: [key('ed25519')] } };
    const policy = await load('signed-by: security\nrevocations: { signed-by: ml-lead, store: true }');
    assert.deepEqual(
      of(combine(policy, flags)).map(({ place, by }) => [place.kind, by]),
      [
        ['store', [['ml-lead']]],
        ['file', [['revoker ed25519.pub']]],
      ],
    );
    const alone = policyFromFlags({ ...flags, trustKeys: [key('ec-p256')] });
    assert.deepEqual(of(alone), [{ place, by: [['revoker ed25519.pub']] }]);
    // A revoker is not one who may sign models.
    assert.deepEqual(
      alone.principals.map(({ name }) => name),
      ['key ec-p256.pub'],
    );
  });

  describe('and who may change it', () => {
    const file = { kind: 'file', path: 'lists/all.json' } as const;

    it('are those of the policy for that place, and of the flags too', async () => {
      const policy = await load('signed-by: security\nrevocations: { signed-by: ml-lead, file: a.json, name: acme }');
      const place = { kind: 'file', path: folder.path('a.json') } as const;
      for (const asked of [undefined, place]) {
        const rule = revokerRule({ policy, place: asked, keys: [key('ed25519')] });
        assert.deepEqual(rule.place, place);
        assert.deepEqual([names(rule.signedBy), rule.name], [[['ml-lead'], ['revoker ed25519.pub']], 'acme']);
      }
    });

    it('are those whom the policy names for the store of each release, whichever it is', async () => {
      const policy = await load('signed-by: security\nrevocations: { signed-by: ml-lead, store: true }');
      const rule = revokerRule({ policy, ownStore: 's3://models/prod', keys: [] });
      assert.deepEqual([rule.place, names(rule.signedBy)], [{ kind: 'store', url: 's3://models/prod' }, [['ml-lead']]]);
      assert.throws(() => revokerRule({ policy, keys: [] }), mlsignError('revocations-not-named', /which revocation list/));
    });

    it('are nobody where nobody is named for that place', async () => {
      const policy = await load('signed-by: security\nrevocations: { signed-by: ml-lead, file: a.json }');
      assert.throws(() => revokerRule({ policy, place: file, keys: [] }), mlsignError('revoker-missing', /who may revoke/));
      assert.throws(() => revokerRule({ place: file, keys: [] }), mlsignError('revoker-missing', /who may revoke/));
      assert.deepEqual(names(revokerRule({ policy, place: file, keys: [key('ed25519')] }).signedBy), [['revoker ed25519.pub']]);
    });

    it('must be asked for where the policy names several lists', async () => {
      const policy = await loadPolicy(
        folder.policy(
          `${policyYaml('signed-by: security\nrevocations: { signed-by: ml-lead, file: a.json }')}\nrevocations: { signed-by: security, file: b.json }\n`.replace(
            'rules:',
            'rules:\n  - { model: elsewhere, signed-by: security }',
          ),
        ),
      );
      assert.throws(() => revokerRule({ policy, keys: [] }), mlsignError('policy-lists-differ', /several revocation lists/));
      const rule = revokerRule({ policy, place: { kind: 'file', path: folder.path('b.json') }, keys: [] });
      assert.deepEqual(names(rule.signedBy), [['security']]);
    });
  });
});

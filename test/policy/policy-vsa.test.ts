import assert from 'node:assert/strict';
import { combine, loadPolicy, type Policy, selectRule } from '../../src/policy/index.ts';
import { keyFile, mlsignError } from '../helpers/keys.ts';
import { PolicyFolder, policyYaml } from '../helpers/policies.ts';

const VSA = 'signed-by: security, verifier: "https://example.com/gate", max-age: 7d';

describe('policy: whose verification summary is accepted', () => {
  const folder = new PolicyFolder();
  after(() => folder.remove());

  const load = (vsa: string): Promise<Policy> => loadPolicy(folder.policy(policyYaml(`signed-by: ml-lead\n${vsa}`)));
  const of = (policy: Policy) => selectRule(policy, 's3://models/llama').vsa;

  it('is nobody’s unless it says so', async () => {
    assert.equal(of(await load('')), undefined);
  });

  it('is that of a gatekeeper, with an age', async () => {
    const { signedBy, ...rest } = of(await load(`vsa: { ${VSA}, policy: ${'a'.repeat(64)}, resource: "s3://models/llama@*" }`)) ?? {};
    assert.deepEqual(
      signedBy?.map((group) => group.map(({ name }) => name)),
      [['security']],
    );
    assert.deepEqual(rest, {
      verifier: 'https://example.com/gate',
      maxAge: 7 * 86_400_000,
      policy: 'a'.repeat(64),
      resource: 's3://models/llama@*',
    });
  });

  for (const [what, lines, message] of [
    ['no gatekeeper', '{ verifier: "https://a/b", max-age: 1d }', /vsa\.signed-by: expected the gatekeeper/],
    ['an unknown gatekeeper', `{ ${VSA.replace('security', 'securty')} }`, /did you mean "security"/],
    ['no verifier', '{ signed-by: security, max-age: 1d }', /vsa\.verifier: expected the URI/],
    ['no age', '{ signed-by: security, verifier: "https://a/b" }', /vsa\.max-age: expected an age/],
    ['an age of nothing', `{ ${VSA.replace('7d', '0d')} }`, /vsa\.max-age: expected an age/],
    ['a policy by its name', `{ ${VSA}, policy: p.yaml }`, /vsa\.policy: expected the SHA-256/],
    ['a resource that is no URI', `{ ${VSA}, resource: models/llama }`, /vsa\.resource: expected a URI/],
    ['a field that there is not', `{ ${VSA}, levels: 3 }`, /no such field/],
  ] as const) {
    it(`is refused with ${what}`, async () => {
      await assert.rejects(load(`vsa: ${lines}`), mlsignError('policy-invalid', message));
    });
  }

  it('says nothing of signers that only flags ask for', async () => {
    const policy = await load(`vsa: { ${VSA} }`);
    const key = { pem: keyFile('ed25519.pub'), where: 'ed25519.pub' };
    assert.equal(of(combine(policy, { trustKeys: [key] })), undefined);
    assert.ok(of(combine(policy, { revocations: { place: { kind: 'file', path: 'x' }, keys: [key] } })));
  });
});

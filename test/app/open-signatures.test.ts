import assert from 'node:assert/strict';
import { signModel, verifyModel } from '../../src/app/index.ts';
import { loadPolicy } from '../../src/policy/index.ts';
import { fixtureSigner, keyFile } from '../helpers/keys.ts';
import { Sandbox } from '../helpers/sandbox.ts';

describe('a bundle that cannot be judged', () => {
  const sandbox = new Sandbox();
  after(() => sandbox.remove());

  it('leaves undetermined who has signed, and a signer that it could name is not said to be missing for good', async () => {
    const model = sandbox.write('model', { 'a.bin': 'a' });
    const [mine, others] = [sandbox.path('mine.sig'), sandbox.path('others.sig')];
    await signModel(model, { signer: await fixtureSigner('ec-p256'), signature: mine });
    sandbox.write('.', { 'policy.yaml': POLICY, 'a.pub': keyFile('ec-p256.pub'), 'b.pub': keyFile('ec-p384.pub') });
    const policy = await loadPolicy(sandbox.path('policy.yaml'));
    const verdictOf = async (...signatures: readonly string[]) => {
      const { verdict, findings } = await verifyModel(model, { policy, signatures });
      return [verdict, ...findings.map(({ code, severity }) => `${code} ${severity}`)];
    };
    assert.deepEqual(await verdictOf(mine), ['rejected', 'signer-missing rejected']);
    assert.deepEqual(await verdictOf(mine, others), ['undetermined', 'signature-not-found undetermined', 'signer-missing undetermined']);
  });
});

const POLICY = `version: 1
principals:
  a: { key: a.pub }
  b: { key: b.pub }
rules:
  - model: "**"
    signed-by: [a, b]
`;

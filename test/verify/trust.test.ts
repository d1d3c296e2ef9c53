import assert from 'node:assert/strict';
import { describeTrust, trustedAuthorities, trustedKeys } from '../../src/verify/trust.ts';
import { trustKeys, trustRoots } from '../helpers/bundles.ts';
import { makeChain } from '../helpers/certificates.ts';

describe('trust', () => {
  const { rootPem } = makeChain();
  const [key] = trustKeys('ec-p256');
  const [authority] = trustRoots(rootPem);
  assert.ok(key && authority);
  const both = { name: 'lead', trust: [...key.trust, ...authority.trust] };

  it('is taken from every way in which a principal is known', () => {
    assert.deepEqual(trustedKeys([both, key]), [
      { principal: both, trust: key.trust[0] },
      { principal: key, trust: key.trust[0] },
    ]);
    assert.deepEqual(trustedAuthorities([both, key]), [{ principal: both, trust: authority.trust[0] }]);
    assert.deepEqual(trustedKeys([]), []);
  });

  it('is described for a person: keys, authorities with the leaf that is meant, five at most', () => {
    const [ca] = authority.trust;
    assert.ok(ca?.kind === 'ca');
    const ci = { name: 'ci', trust: [{ ...ca, subject: 'CN=ci', alternativeName: 'email:a@b' }] };
    const words = describeTrust([both, ci]);
    assert.match(
      words,
      /^key c961a3db[0-9a-f]{56} \(ec-p256\.pub\), a certificate of root-0\.pem, a certificate of root-0\.pem for CN=ci with email:a@b$/,
    );
    const many = [...trustKeys('ec-p256', 'ec-p384', 'ec-p521', 'ed25519', 'rsa-2048', 'rsa-pss-2048'), authority];
    assert.match(describeTrust(many), /\(rsa-2048\.pub\), 2 more$/);
  });
});

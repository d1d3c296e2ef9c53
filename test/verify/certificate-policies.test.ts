import { type CertificateOptions, type Extension, makeChain } from '../helpers/certificates.ts';
import { der, integer, oid, sequence } from '../helpers/der.ts';
import { acceptChain, rejectChain } from '../helpers/paths.ts';

const ANY = '2.5.29.32.0';
const [GOLD, SILVER] = ['1.2.3.1', '1.2.3.2'];

const policies = (...ids: string[]): Extension => ({ id: '2.5.29.32', value: sequence(...ids.map((id) => sequence(oid(id)))) });
const mapping = (from: string, to: string): Extension => ({
  id: '2.5.29.33',
  critical: true,
  value: sequence(sequence(oid(from), oid(to))),
});
const demand = (after: number): Extension => ({ id: '2.5.29.36', critical: true, value: sequence(der(0x80, Buffer.of(after))) });
const inhibitMapping = (after: number): Extension => ({ id: '2.5.29.36', critical: true, value: sequence(der(0x81, Buffer.of(after))) });
const inhibitAny = (after: number): Extension => ({ id: '2.5.29.54', critical: true, value: integer(after) });

/** A chain with these extensions in its intermediates, and at the end in its leaf. */
const chainOf = (...each: readonly (readonly Extension[])[]): ReturnType<typeof makeChain> => {
  const options: CertificateOptions[] = each.map((extensions) => ({ extensions }));
  return makeChain({ intermediates: options.slice(0, -1), leaf: options.at(-1) ?? {} });
};

const rejected = (made: ReturnType<typeof makeChain>, name = 'test leaf'): Promise<unknown> =>
  rejectChain(made, 'certificate-policy', `the certificate of CN=${name} has none of the certificate policies that its issuers demand`);

describe('certificate policies', () => {
  it('do not matter where nobody demands one', async () => {
    await acceptChain(chainOf([policies(GOLD)], [policies(SILVER)]));
    await acceptChain(chainOf([], [policies(SILVER)]));
  });

  it('must be the same along the path where an issuer demands one', async () => {
    await acceptChain(chainOf([policies(GOLD, SILVER), demand(0)], [policies(SILVER)]));
    await rejected(chainOf([policies(GOLD), demand(0)], [policies(SILVER)]));
    await rejected(chainOf([policies(GOLD), demand(0)], []));
    await rejected(chainOf([demand(0)], [policies(GOLD)]));
    await rejected(chainOf([policies(GOLD), demand(0)], [policies(SILVER)], [policies(GOLD)]), 'test intermediate 2');
  });

  it('are demanded only after as many certificates as the issuer says', async () => {
    await acceptChain(chainOf([demand(2)], []));
    await rejected(chainOf([demand(1)], []));
    await rejected(chainOf([demand(2)], [], []));
  });

  it('are demanded by a leaf itself, and by a root', async () => {
    await rejected(chainOf([], [demand(0)]));
    await acceptChain(chainOf([policies(ANY)], [policies(GOLD), demand(0)]));
    await rejected(makeChain({ root: { extensions: [demand(0)] } }));
    await acceptChain(makeChain({ root: { extensions: [demand(0)] }, leaf: { extensions: [policies(GOLD)] } }));
  });

  it('may be any policy, unless that is inhibited', async () => {
    await acceptChain(chainOf([policies(ANY), demand(0)], [policies(GOLD)]));
    await acceptChain(chainOf([policies(GOLD), demand(0)], [policies(ANY)]));
    await rejected(chainOf([policies(GOLD), demand(0), inhibitAny(0)], [policies(ANY)]));
    await acceptChain(chainOf([policies(GOLD), demand(0), inhibitAny(1)], [policies(ANY)]));
  });

  it('may be mapped, unless that is inhibited', async () => {
    await acceptChain(chainOf([policies(GOLD), demand(0), mapping(GOLD, SILVER)], [policies(SILVER)]));
    await acceptChain(chainOf([policies(ANY), demand(0), mapping(GOLD, SILVER)], [policies(SILVER)]));
    await rejected(chainOf([policies(GOLD), demand(0), mapping(GOLD, SILVER)], [policies(GOLD)]));
    await rejected(chainOf([inhibitMapping(0), policies(GOLD)], [policies(GOLD), demand(0), mapping(GOLD, SILVER)], [policies(SILVER)]));
  });

  it('may not be mapped from or to any policy', async () => {
    const message = /CN=test intermediate 1 maps a policy from or to any policy$/;
    await rejectChain(chainOf([policies(GOLD), mapping(ANY, SILVER)], []), 'certificate-malformed', message);
    await rejectChain(chainOf([policies(GOLD), mapping(GOLD, ANY)], []), 'certificate-malformed', message);
  });
});

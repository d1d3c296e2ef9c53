import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { makeCertificate, makeChain, makeKey, type TestCertificate } from '../helpers/certificates.ts';
import { accept, acceptChain, reject, rejectChain } from '../helpers/paths.ts';

const BRIEFLY = 10_000;

/** Authorities that all sign one another: a search without limits would try every order of them. */
function everyoneSignsEveryone(count: number, subject: (index: number) => string): readonly TestCertificate[] {
  const bare = { subjectKeyId: null, authorityKeyId: null };
  const authorities = Array.from({ length: count }, (_, index) => ({ name: subject(index), key: makeKey() }));
  return authorities.flatMap((issuer) => {
    const signer = makeCertificate({ ...bare, subject: issuer.name, key: issuer.key }, undefined, 'ca');
    return authorities
      .filter((other) => other !== issuer)
      .map(({ name, key }) => makeCertificate({ ...bare, subject: name, key }, signer, 'ca'));
  });
}

describe('the search for a path', () => {
  it('follows at most ten certificates', async () => {
    await acceptChain(makeChain({ intermediates: Array.from({ length: 8 }, () => ({})) }));
    await rejectChain(
      makeChain({ intermediates: Array.from({ length: 9 }, () => ({})) }),
      'certificate-untrusted',
      /does not lead to a trusted root/,
    );
  });

  it('reads at most 128 certificates', async () => {
    const { leaf, root } = makeChain();
    await accept([leaf, ...Array.from({ length: 127 }, () => leaf)], [root]);
    const message = 'the chain of the bundle is malformed: too few or too many';
    const finding = await reject([leaf, ...Array.from({ length: 128 }, () => leaf)], [root], 'certificate-malformed', message);
    assert.equal(finding.got, '129');
    assert.equal((await reject([], [root], 'certificate-malformed', message)).got, '0');
  });

  it('ends when two authorities sign each other', async () => {
    const [a, b] = [makeKey(), makeKey()];
    const first = makeCertificate({ subject: 'a', key: a }, makeCertificate({ subject: 'b', key: b }, undefined, 'ca'), 'ca');
    const second = makeCertificate({ subject: 'b', key: b }, first, 'ca');
    await reject([makeCertificate({}, first), first, second], [makeChain().root], 'certificate-untrusted', /does not lead/);
  });

  for (const [what, subject] of [
    ['one name', () => 'everyone'],
    ['many names', (index: number) => `authority ${index}`],
  ] as const) {
    it(`ends soon among many authorities of ${what} that sign one another`, async () => {
      const mesh = everyoneSignsEveryone(11, subject);
      const [top] = mesh;
      assert.ok(top);
      const leaf = makeCertificate({ authorityKeyId: null }, top);
      const started = performance.now();
      await reject([leaf, ...mesh], [makeChain().root], 'certificate-untrusted', /does not lead to a trusted root/);
      assert.ok(performance.now() - started < BRIEFLY);
    });
  }

  it('ends soon among many authorities with the name of the issuer and other keys', async () => {
    const { leaf, root } = makeChain({ intermediates: [{ subjectKeyId: null }], leaf: { authorityKeyId: null } });
    const others = Array.from({ length: 126 }, () =>
      makeCertificate({ subject: 'test intermediate 1', subjectKeyId: null }, undefined, 'ca'),
    );
    const started = performance.now();
    await reject([leaf, ...others], [root], 'certificate-signature', /CN=test leaf is not signed by the issuer that it names/);
    assert.ok(performance.now() - started < BRIEFLY);
  });

  it('is not led astray by authorities that sign each other again and again', async () => {
    const { root } = makeChain();
    const [a, b] = [makeKey(), makeKey()];
    const again = (subject: string, key: typeof a, issuer: TestCertificate): readonly TestCertificate[] =>
      Array.from({ length: 4 }, () => makeCertificate({ subject, key }, issuer, 'ca'));
    const trusted = makeCertificate({ subject: 'b', key: b }, root, 'ca');
    const first = again('a', a, trusted);
    const [below = trusted] = first;
    const path = await accept([makeCertificate({}, below), ...first, ...again('b', b, below), trusted], [root]);
    assert.deepEqual(path, ['CN=test leaf', 'CN=a', 'CN=b', 'CN=test root']);
  });

  it('ends soon where every authority has several certificates and none leads to a root', async () => {
    let issuer = makeCertificate({ subject: 'layer 8' }, undefined, 'ca');
    const layers = Array.from({ length: 8 }, (_, layer) => {
      const key = makeKey();
      const certificates = Array.from({ length: 5 }, () => makeCertificate({ subject: `layer ${7 - layer}`, key }, issuer, 'ca'));
      issuer = certificates.at(0) ?? issuer;
      return certificates;
    });
    const started = performance.now();
    const message = /does not lead to a trusted root within the limits of the search$/;
    await reject([makeCertificate({}, issuer), ...layers.flat()], [makeChain().root], 'certificate-untrusted', message);
    assert.ok(performance.now() - started < BRIEFLY);
  });

  it('validates at most 32 paths', async () => {
    const { root } = makeChain();
    const key = makeKey();
    const expired = Array.from({ length: 32 }, () =>
      makeCertificate({ subject: 'a', key, notAfter: new Date('2026-01-02T00:00:00Z') }, root, 'ca'),
    );
    const current = makeCertificate({ subject: 'a', key }, root, 'ca');
    const leaf = makeCertificate({}, current);
    await accept([leaf, ...expired.slice(1), current], [root]);
    await reject([leaf, ...expired, current], [root], 'certificate-expired', /^the certificate of CN=a expired/);
  });

  it('says so when its limits end it', async () => {
    const root = makeCertificate({ subject: 'wide', subjectKeyId: null }, undefined, 'ca');
    const roots = Array.from({ length: 300 }, () => makeCertificate({ subject: 'wide', subjectKeyId: null }, undefined, 'ca'));
    const message = 'the certificate of CN=test leaf does not lead to a trusted root within the limits of the search';
    await reject([makeCertificate({ authorityKeyId: null }, root)], [...roots, root], 'certificate-untrusted', message);
  });

  it('loads pkijs only when there is a path to validate', () => {
    const script = `
      import { registerHooks } from 'node:module';
      const seen = [];
      registerHooks({ resolve(name, context, next) { seen.push(name); return next(name, context); } });
      await import('./src/formats/index.ts');
      const { validatePath } = await import('./src/verify/certificate.ts');
      const before = seen.includes('pkijs');
      await validatePath([], [], new Date());
      process.stdout.write(JSON.stringify([before, seen.includes('pkijs')]));`;
    const cwd = new URL('../../', import.meta.url);
    const output = execFileSync(process.execPath, ['--disable-warning=ExperimentalWarning', '--input-type=module', '-e', script], {
      cwd,
      encoding: 'utf8',
    });
    assert.deepEqual(JSON.parse(output), [false, true]);
  });
});

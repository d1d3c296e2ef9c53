import assert from 'node:assert/strict';
import { readIdentityToken, tokenFromFile } from '../../src/sign/index.ts';
import { redact } from '../../src/sign/redact.ts';
import { mlsignError } from '../helpers/keys.ts';
import { Sandbox } from '../helpers/sandbox.ts';
import { assertWithout } from '../helpers/sigstore/index.ts';

const NOW = new Date('2026-03-01T00:00:00Z');
const EXP = NOW.getTime() / 1000 + 600;

function token(claims: unknown, signature = 'c2lnbmF0dXJl'): string {
  const encode = (value: unknown): string => Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64url');
  return `${encode({ alg: 'RS256' })}.${encode(claims)}.${signature}`;
}

const CLAIMS = { iss: 'https://issuer.example', sub: 'subject', exp: EXP };

describe('readIdentityToken', () => {
  const read = (claims: object) => readIdentityToken(token(claims), 'the test', NOW);

  it('names a workload by its subject', () => {
    const workload = token({ ...CLAIMS, nonce: 'n' });
    assert.deepEqual(readIdentityToken(workload, 'the test', NOW), {
      token: workload,
      issuer: 'https://issuer.example',
      identity: 'subject',
      expires: new Date(EXP * 1000),
      nonce: 'n',
    });
  });

  it('names a person by the verified address', () => {
    assert.equal(read({ ...CLAIMS, email: 'a@example.com', email_verified: true }).identity, 'a@example.com');
    assert.equal(read({ ...CLAIMS, email: 'a@example.com', email_verified: 'true' }).identity, 'a@example.com');
    assert.equal(read({ ...CLAIMS, email: '', email_verified: false }).identity, 'subject');
  });

  it('refuses an address that nobody verified, without showing the token', () => {
    for (const email_verified of [false, undefined, 'false', 1]) {
      const unverified = token({ ...CLAIMS, email: 'a@example.com', email_verified });
      const expected = mlsignError('identity-email-unverified', 'the identity provider has not verified the e-mail address of the token', {
        outcome: 'refused',
        subject: 'the test',
      });
      assert.throws(
        () => readIdentityToken(unverified, 'the test', NOW),
        (error) => {
          expected(error);
          assertWithout([unverified], error);
          return true;
        },
      );
    }
  });

  it('refuses a token that has expired, to the second', () => {
    const expired = (exp: number) => () => read({ ...CLAIMS, exp });
    const code = mlsignError('identity-token-expired', 'the identity token has expired', { outcome: 'refused' });
    assert.throws(expired(NOW.getTime() / 1000), code);
    assert.throws(expired(0), code);
    assert.equal(read({ ...CLAIMS, exp: NOW.getTime() / 1000 + 1 }).identity, 'subject');
  });

  it('refuses what is not a token, without showing it', () => {
    const wrong: Readonly<Record<string, string>> = {
      empty: '',
      'one part': 'eyJhbGciOiJSUzI1NiJ9',
      'two parts': token(CLAIMS).split('.').slice(0, 2).join('.'),
      'four parts': `${token(CLAIMS)}.x`,
      'a line break': `${token(CLAIMS)}\n`,
      'other characters': `${token(CLAIMS)}=`,
      'no JSON': token('not json'),
      'an array': token([]),
      'the same claim twice': token('{"iss":"a","iss":"b","sub":"c","exp":99999999999}'),
      'not UTF-8': `e30.${Buffer.of(0xff).toString('base64url')}.x`,
      'no issuer': token({ ...CLAIMS, iss: undefined }),
      'an issuer that is a number': token({ ...CLAIMS, iss: 1 }),
      'no subject': token({ ...CLAIMS, sub: undefined }),
      'no expiry': token({ ...CLAIMS, exp: undefined }),
      'an expiry in words': token({ ...CLAIMS, exp: '9999999999' }),
      'an expiry beyond all dates': token({ ...CLAIMS, exp: 8.64e12 }),
      'an address that is a number': token({ ...CLAIMS, email: 1, email_verified: true }),
      'more than any token has': token({ ...CLAIMS, fill: 'x'.repeat(64 * 1024) }),
    };
    for (const [name, text] of Object.entries(wrong)) {
      assert.throws(
        () => readIdentityToken(text, 'the test', NOW),
        (error) => {
          mlsignError('identity-token-malformed', /^the identity token cannot be used: /, { outcome: 'refused', subject: 'the test' })(
            error,
          );
          if (text.length > 20) assertWithout([text], error);
          return true;
        },
        name,
      );
    }
  });
});

describe('tokenFromFile', () => {
  const sandbox = new Sandbox();
  after(() => sandbox.remove());
  const clock = (): Date => NOW;

  it('reads one line, with or without its end', async () => {
    sandbox.write('tokens', { unix: `${token(CLAIMS)}\n`, windows: `${token(CLAIMS)}\r\n`, bare: token(CLAIMS) });
    for (const name of ['unix', 'windows', 'bare']) {
      assert.equal((await tokenFromFile(sandbox.path('tokens', name), clock)).token, token(CLAIMS));
    }
  });

  it('refuses an empty file, several lines and bytes that are no text', async () => {
    const files = { empty: '', newline: '\n', two: `${token(CLAIMS)}\n\n`, space: ` ${token(CLAIMS)}`, binary: Buffer.of(0xff, 0xfe) };
    sandbox.write('wrong', files);
    for (const name of Object.keys(files)) {
      const path = sandbox.path('wrong', name);
      const message = 'the identity token file must hold one line and nothing else';
      await assert.rejects(tokenFromFile(path, clock), mlsignError('identity-token-file-malformed', message, { subject: path }), name);
    }
  });

  it('refuses a file that is larger than any token, or not there', async () => {
    sandbox.write('large', { token: 'x'.repeat(64 * 1024 + 1) });
    await assert.rejects(tokenFromFile(sandbox.path('large', 'token'), clock), mlsignError('file-too-large', /identity token/));
    await assert.rejects(
      tokenFromFile(sandbox.path('none'), clock),
      mlsignError('file-not-found', /identity token/, { outcome: 'unavailable' }),
    );
  });
});

describe('redact', () => {
  it('takes out what is given and whatever looks like a token', () => {
    assert.equal(redact('bearer abc: no', ['abc', '']), 'bearer [secret]: no');
    assert.equal(redact(`invalid ${token(CLAIMS)}, again ${token(CLAIMS).split('.')[1]}`), 'invalid [secret], again [secret]');
    assert.equal(redact('nothing of the kind'), 'nothing of the kind');
  });
});

import assert from 'node:assert/strict';
import { STATEMENT_LIMITS } from '../../src/formats/index.ts';
import { StatementStore } from '../../src/verify/index.ts';

describe('StatementStore', () => {
  it('parses what is new, and gives what is known', () => {
    const store = new StatementStore<object>();
    let parsed = 0;
    const read = (text: string) => store.read(Buffer.from(text), 'a.sig', () => ({ number: ++parsed }));
    assert.equal(read('a'), read('a'));
    assert.notEqual(read('a'), read('b'));
    assert.equal(parsed, 2);
  });

  it('holds as much as one bundle may sign, and says so before it parses more', () => {
    const store = new StatementStore<string>();
    const half = Buffer.alloc(STATEMENT_LIMITS.maxBytes / 2);
    const payloads = [0, 1, 2].map((i) => Buffer.concat([half.subarray(1), Buffer.of(i)]));
    const read = (i: number) => store.read(payloads[i] ?? half, `${i}.sig`, () => (i === 2 ? assert.fail('parsed') : 'read'));
    read(0);
    read(1);
    assert.throws(() => read(2), {
      outcome: 'unavailable',
      code: 'statements-too-large',
      message: 'the bundles sign more different statements than mlsign keeps in memory',
      subject: '2.sig',
    });
    assert.equal(read(0), 'read');
  });

  it('does not keep what cannot be parsed', () => {
    const store = new StatementStore<string>();
    const payload = Buffer.alloc(STATEMENT_LIMITS.maxBytes);
    const fail = () => assert.throws(() => store.read(payload, 'a.sig', () => assert.fail('malformed')), /malformed/);
    fail();
    fail();
    assert.equal(
      store.read(payload, 'a.sig', () => 'read'),
      'read',
    );
  });
});

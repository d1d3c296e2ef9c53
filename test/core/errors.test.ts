import assert from 'node:assert/strict';
import { fileError, interrupted, MlsignError, refused, throwIfAborted, unavailable, usage, verdictOf } from '../../src/core/index.ts';

describe('MlsignError', () => {
  it('carries a stable code, an outcome, and what helps', () => {
    const cause = new Error('below');
    const error = refused('x-wrong', 'the x is wrong', { subject: 'x', expected: 'a', got: 'b', suggestions: ['try y'], cause });
    assert.ok(error instanceof Error);
    const { name, outcome, code, message, subject, expected, got, suggestions } = error;
    assert.deepEqual(
      { name, outcome, code, message, subject, expected, got, suggestions },
      {
        name: 'MlsignError',
        outcome: 'refused',
        code: 'x-wrong',
        message: 'the x is wrong',
        subject: 'x',
        expected: 'a',
        got: 'b',
        suggestions: ['try y'],
      },
    );
    assert.equal(error.cause, cause);
    assert.equal('cause' in usage('x', 'x'), false);
    assert.deepEqual(
      [usage('x', 'x').outcome, unavailable('x', 'x').outcome, interrupted().outcome],
      ['usage', 'unavailable', 'interrupted'],
    );
  });
});

describe('fileError', () => {
  it('translates what the system says, with the path', () => {
    const codes = {
      ENOENT: 'file-not-found',
      EACCES: 'permission-denied',
      EISDIR: 'is-a-directory',
      ENOSPC: 'disk-full',
      EMFILE: 'too-many-files',
      EIO: 'read-error',
      ENXIO: 'not-a-file',
      ELOOP: 'link-cycle',
      ENAMETOOLONG: 'name-too-long',
      EBUSY: 'file-busy',
      ETXTBSY: 'file-busy',
      EWEIRD: 'file-error',
    };
    for (const [system, code] of Object.entries(codes)) {
      const error = fileError(Object.assign(new Error(system), { code: system }), 'read the key', 'a.pem');
      assert.equal(error.code, code);
      assert.equal(error.outcome, 'unavailable');
      assert.equal(error.subject, 'a.pem');
      assert.match(error.message, system === 'EWEIRD' ? /^cannot read the key: EWEIRD$/ : /^cannot read the key: [a-z]/);
      assert.equal(error.suggestions.length, 1);
    }
  });

  it('passes on what is ours, and throws what is no system error', () => {
    const ours = refused('x', 'x');
    assert.equal(fileError(ours, 'read', 'a'), ours);
    const bug = new TypeError('a bug');
    assert.throws(() => fileError(bug, 'read', 'a'), bug);
  });
});

describe('throwIfAborted', () => {
  it('throws once the signal has fired', () => {
    const controller = new AbortController();
    throwIfAborted(undefined);
    throwIfAborted(controller.signal);
    controller.abort();
    assert.throws(
      () => throwIfAborted(controller.signal),
      (error) => error instanceof MlsignError && error.code === 'interrupted',
    );
  });
});

describe('verdictOf', () => {
  it('lets rejected outrank undetermined, and undetermined verified', () => {
    const of = (...severities: ('rejected' | 'undetermined' | 'warning' | 'note')[]) =>
      verdictOf(severities.map((severity) => ({ severity })));
    assert.equal(of(), 'verified');
    assert.equal(of('warning', 'note'), 'verified');
    assert.equal(of('warning', 'undetermined'), 'undetermined');
    assert.equal(of('undetermined', 'rejected', 'undetermined'), 'rejected');
  });
});

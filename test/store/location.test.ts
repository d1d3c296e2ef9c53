import assert from 'node:assert/strict';
import { resolve } from 'node:path';
import { isStoreLocation, locationText, parseLocation, parseStorePlace } from '../../src/store/index.ts';
import { mlsignError } from '../helpers/keys.ts';

const ID = 'ab'.repeat(32);

describe('a location', () => {
  it('is told from a path', () => {
    for (const text of ['s3://bucket/name', 'file:models/name', 'file:/srv/name']) assert.ok(isStoreLocation(text), text);
    for (const text of ['models/name', './s3:/x', 'S3://bucket/name', 's3:bucket', '']) assert.ok(!isStoreLocation(text), text);
  });

  it('in a bucket has a prefix and a name', () => {
    assert.deepEqual(parseLocation('s3://bucket/name'), {
      store: { kind: 's3', bucket: 'bucket' },
      prefix: '',
      name: 'name',
      reference: undefined,
      url: 's3://bucket/name',
    });
    const deep = parseLocation('s3://my.bucket-1/team/a b/näme+1%20@production');
    assert.deepEqual([deep.prefix, deep.name, deep.url], ['team/a b/', 'näme+1%20', 's3://my.bucket-1/team/a b/näme+1%20']);
    assert.deepEqual(deep.reference, { kind: 'channel', name: 'production' });
  });

  it('in a directory has the folder as its store', () => {
    const { store, prefix, name, url } = parseLocation('file:/srv/models/llama@7');
    assert.deepEqual(
      { store, prefix, name, url },
      {
        store: { kind: 'local', root: resolve('/srv/models') },
        prefix: '',
        name: 'llama',
        url: `file:${slashes(resolve('/srv/models/llama'))}`,
      },
    );
    assert.equal(parseLocation('file:models/x').url, `file:${slashes(resolve('models/x'))}`);
    assert.equal(parseLocation('file:../x').name, 'x');
    assert.equal(parseLocation('file:a/../b').name, 'b');
  });

  it('names a release, a channel or a model after @', () => {
    const cases = [
      ['@7', { kind: 'release', number: 7 }],
      ['@999999999999999', { kind: 'release', number: 999_999_999_999_999 }],
      ['@production', { kind: 'channel', name: 'production' }],
      ['@v1.2-rc_3', { kind: 'channel', name: 'v1.2-rc_3' }],
      [`@sha256:${ID}`, { kind: 'model', id: ID }],
    ] as const;
    for (const [text, reference] of cases) {
      const location = parseLocation(`s3://bucket/name${text}`);
      assert.deepEqual(location.reference, reference, text);
      assert.equal(locationText(location, reference), `s3://bucket/name${text}`);
    }
  });

  it('that is none is refused, with the reason', () => {
    const cases = [
      ['name', 'begins neither with "s3://" nor with "file:"'],
      ['s3://', 'has no bucket name after s3://'],
      ['s3://B/name', 'has no bucket name after s3://'],
      ['s3://ab', 'has no bucket name after s3://'],
      ['s3://bucket', 'has an empty, "." or ".." segment'],
      ['s3://bucket/', 'has an empty, "." or ".." segment'],
      ['s3://bucket//name', 'has an empty, "." or ".." segment'],
      ['s3://bucket/a/../name', 'has an empty, "." or ".." segment'],
      ['s3://bucket/name/', 'has an empty, "." or ".." segment'],
      ['s3://bucket/.mlsign/name', 'has a segment .mlsign, where mlsign keeps its own records'],
      ['s3://bucket/a\\b', 'has a control character, "\\" or "@" in a name'],
      ['s3://bucket/a@b/name', 'has a control character, "\\" or "@" in a name'],
      ['s3://bucket/a@b@7', 'has a control character, "\\" or "@" in a name'],
      ['s3://bucket/a\n', 'has a control character, "\\" or "@" in a name'],
      [`s3://bucket/${'a'.repeat(510)}`, 'is longer than keys of a model leave room for'],
      ['file:', 'does not end with the name of a model'],
      ['file:models/', 'does not end with the name of a model'],
      ['file:/', 'does not end with the name of a model'],
      ['file://host/name', 'is a URL, and mlsign wants a path: file:models/name or file:/srv/models/name'],
      ['file:models/.mlsign', 'has a segment .mlsign, where mlsign keeps its own records'],
      ['file:models/a\0', 'has a control character, "\\" or "@" in a name'],
      ...[
        '',
        '0',
        '07',
        '-1',
        '1.5',
        '1e3',
        '9999999999999999',
        'a b',
        '.hidden',
        '-x',
        'a'.repeat(65),
        'sha256:',
        `sha256:${ID.toUpperCase()}`,
        `sha512:${ID}`,
        `sha256:${ID}0`,
      ].map(
        (reference) =>
          [
            `s3://bucket/name@${reference}`,
            'has after "@" neither a release number, nor a channel, nor sha256: with 64 hex digits',
          ] as const,
      ),
    ] as const;
    for (const [text, reason] of cases) {
      assert.throws(
        () => parseLocation(text),
        mlsignError('location-malformed', `this is no place in a store: it ${reason}`, { outcome: 'usage', subject: text }),
        text,
      );
    }
  });
});

describe('a location without its store', () => {
  it('is given with the one that was probably meant', () => {
    assert.throws(
      () => parseLocation('store/llm@7'),
      mlsignError('location-malformed', 'this is no place in a store: it begins neither with "s3://" nor with "file:"', {
        suggestions: ['file:store/llm@7', 'mlsign ls s3://bucket/prefix shows what is there'],
      }),
    );
    assert.throws(
      () => parseLocation('gs://bucket/llm'),
      mlsignError('location-malformed', 'this is no place in a store: it begins neither with "s3://" nor with "file:"', {
        suggestions: ['mlsign ls s3://bucket/prefix shows what is there'],
      }),
    );
  });
});

describe('the place of a whole store', () => {
  it('is a bucket, a prefix in it, or a directory', () => {
    assert.deepEqual(parseStorePlace('s3://bucket'), { store: { kind: 's3', bucket: 'bucket' }, prefix: '', url: 's3://bucket' });
    assert.deepEqual(parseStorePlace('s3://bucket/'), { store: { kind: 's3', bucket: 'bucket' }, prefix: '', url: 's3://bucket' });
    assert.deepEqual(parseStorePlace('s3://bucket/team/a/'), {
      store: { kind: 's3', bucket: 'bucket' },
      prefix: 'team/a/',
      url: 's3://bucket/team/a',
    });
    assert.deepEqual(parseStorePlace('file:/srv/models/'), {
      store: { kind: 'local', root: resolve('/srv/models') },
      prefix: '',
      url: `file:${slashes(resolve('/srv/models'))}`,
    });
    assert.deepEqual(parseStorePlace('file:.').store, { kind: 'local', root: resolve('.') });
  });

  it('that is none is refused, with the reason', () => {
    const cases = [
      ['models', 'begins neither with "s3://" nor with "file:"'],
      ['s3://B', 'has no bucket name after s3://'],
      ['s3://bucket/a//b', 'has an empty, "." or ".." segment'],
      ['s3://bucket/name@7', 'names a release or a channel, where a place with models is asked for'],
      ['file:', 'has no path after file:'],
      ['file://host/x', 'has no path after file:'],
      ['file:a\0b', 'has no path after file:'],
    ] as const;
    for (const [text, reason] of cases) {
      assert.throws(
        () => parseStorePlace(text),
        mlsignError('location-malformed', `this is no place in a store: it ${reason}`, { outcome: 'usage', subject: text }),
        text,
      );
    }
  });
});

function slashes(path: string): string {
  return path.replaceAll('\\', '/');
}

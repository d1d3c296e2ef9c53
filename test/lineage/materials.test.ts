import assert from 'node:assert/strict';
import { looksSecret, parseCode, parseContainer, parseDigested, refuseSecrets, withoutSecrets } from '../../src/lineage/index.ts';
import { mlsignError } from '../helpers/keys.ts';

const COMMIT = 'a'.repeat(40);
const DIGEST = 'b'.repeat(64);

describe('parseCode', () => {
  it('takes a repository at a whole commit', () => {
    assert.deepEqual(parseCode(`git+https://example.com/a/b.git@${COMMIT}`), {
      role: 'code',
      uri: 'git+https://example.com/a/b.git',
      digest: { kind: 'gitCommit', value: COMMIT },
      digests: { gitCommit: COMMIT },
    });
    assert.equal(parseCode(`git+ssh://git@example.com/a/b@${DIGEST}`).uri, 'git+ssh://git@example.com/a/b');
  });

  it('refuses branches, tags, short commits and what is no repository', () => {
    for (const text of [
      'git+https://example.com/a/b@main',
      'git+https://example.com/a/b',
      `git+https://example.com/a/b@${COMMIT.slice(1)}`,
      `git+https://example.com/a/b@${COMMIT.toUpperCase()}`,
      `https://example.com/a/b@${COMMIT}`,
      `git+https://@${COMMIT}`,
      `git+https://example.com/a b@${COMMIT}`,
      COMMIT,
      '',
    ]) {
      assert.throws(
        () => parseCode(text),
        mlsignError('code-malformed', /a whole commit, as a branch or a tag can move/, { got: text }),
        text,
      );
    }
  });

  it('refuses a password or token in the address, and does not repeat it', () => {
    for (const text of [
      `git+https://user:s3cr3t@example.com/a/b@${COMMIT}`,
      `git+https://s3cr3t@example.com/a/b@${COMMIT}`,
      'git+https://user:s3cr3t@example.com/a/b@main',
      `git+ssh://git:s3cr3t@example.com/a/b@${COMMIT}`,
      `git+https://example.com/a/b?access_token=s3cr3t@${COMMIT}`,
    ]) {
      assert.throws(
        () => parseCode(text),
        (error) => {
          mlsignError('secret-in-url', /holds a user, a password or a token/)(error);
          assert.ok(!JSON.stringify(error, Object.getOwnPropertyNames(error)).includes('s3cr3t'), text);
          return true;
        },
      );
    }
  });
});

describe('parseContainer', () => {
  it('takes an image by its digest', () => {
    assert.deepEqual(parseContainer(`registry.example:5000/team/train:1.2@sha256:${DIGEST}`), {
      role: 'container',
      uri: 'oci://registry.example:5000/team/train:1.2',
      digest: { kind: 'sha256', value: DIGEST },
      digests: { sha256: DIGEST },
    });
  });

  it('refuses tags, other digests and passwords', () => {
    for (const text of [
      'train:latest',
      `train@sha512:${DIGEST}`,
      `train@sha256:${DIGEST.slice(1)}`,
      `u:p@host/train@sha256:${DIGEST}`,
      '',
    ]) {
      assert.throws(() => parseContainer(text), mlsignError('container-malformed', /named with its digest, as a tag can move/), text);
    }
  });
});

describe('parseDigested', () => {
  it('takes a URI and a digest that mlsign knows', () => {
    assert.deepEqual(parseDigested(`hf://datasets/a/b?x=1=sha256:${DIGEST}`, 'dataset'), {
      role: 'dataset',
      uri: 'hf://datasets/a/b?x=1',
      digest: { kind: 'sha256', value: DIGEST },
      digests: { sha256: DIGEST },
    });
    assert.deepEqual(parseDigested(`s3://models/llama@7=mlsignModel:${DIGEST}`, 'base-model')?.digest, { kind: 'model', id: DIGEST });
  });

  it('leaves paths and locations to others', () => {
    for (const text of ['data.jsonl', `data=sha256:${DIGEST}`, 's3://models/data@7', `s3://models/data@sha256:${DIGEST}`, '']) {
      assert.equal(parseDigested(text, 'dataset'), undefined, text);
    }
  });

  it('refuses digests that are none, and secrets', () => {
    for (const digest of ['sha256:abc', `sha256:${DIGEST.toUpperCase()}`, `crc32:${DIGEST}`]) {
      assert.throws(
        () => parseDigested(`hf://a/b=${digest}`, 'dataset'),
        mlsignError('digest-malformed', 'this is no digest that mlsign knows', { subject: 'hf://a/b', got: digest }),
      );
    }
    const signed = `https://b.example/d?X-Amz-Signature=s3cr3t&X-Amz-Security-Token=t&versionId=3=sha256:${DIGEST}`;
    assert.throws(
      () => parseDigested(signed, 'dataset'),
      mlsignError('secret-in-url', /token/, { subject: 'https://b.example/d?versionId=3' }),
    );
  });
});

describe('withoutSecrets', () => {
  it('takes users, passwords and rights out of an address, and nothing else', () => {
    for (const [text, expected] of [
      ['https://gitlab-ci-token:abc@gitlab.example/a/b.git', 'https://gitlab.example/a/b.git'],
      ['https://ghp_x@github.com/a', 'https://github.com/a'],
      ['https://a:b@c:d@host/x', 'https://host/x'],
      ['https://host/a@b', 'https://host/a@b'],
      ['https://host/a?sig=x&page=2#top', 'https://host/a?page=2#top'],
      ['https://host/a?token=x', 'https://host/a'],
      ['ssh://git@host/a', 'ssh://git@host/a'],
      ['ssh://git:pw@host/a', 'ssh://host/a'],
      ['s3://bucket/llama@7', 's3://bucket/llama@7'],
      ['s3://bucket@7', 's3://bucket@7'],
      ['data.jsonl', 'data.jsonl'],
      ['git@host:a/b', 'git@host:a/b'],
    ] as const) {
      assert.equal(withoutSecrets(text), expected, text);
      if (text === expected) refuseSecrets(text);
      else assert.throws(() => refuseSecrets(text), mlsignError('secret-in-url', /for everybody to read/));
    }
  });
});

describe('looksSecret', () => {
  it('knows passwords, keys and tokens by name or form', () => {
    for (const [name, value] of [
      ['db_password', 'x'],
      ['OPENAI_API_KEY', 'x'],
      ['hf_token', 'x'],
      ['token', 'x'],
      ['aws_secret_access_key', 'x'],
      ['note', `ghp_${'a'.repeat(36)}`],
      ['note', `hf_${'A'.repeat(30)}`],
      ['note', 'AKIAIOSFODNN7EXAMPLE'],
      ['repo', 'https://user:pw@example.com/x'],
      ['k', '-----BEGIN EC PRIVATE KEY-----'],
    ] as const) {
      assert.ok(looksSecret(name, value), `${name}=${value}`);
    }
  });

  it('leaves the parameters of models alone', () => {
    for (const [name, value] of [
      ['tokenizer', 'llama'],
      ['max_tokens', '4096'],
      ['pad_token_id', '0'],
      ['eos_token', '</s>'],
      ['num_key_value_heads', '8'],
      ['password', ''],
      ['data', 's3://bucket/data@7'],
      ['author', 'sk-learn'],
    ] as const) {
      assert.ok(!looksSecret(name, value), `${name}=${value}`);
    }
  });
});

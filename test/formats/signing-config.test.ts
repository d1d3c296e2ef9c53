import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { parseClientTrustConfig, parseSigningConfig } from '../../src/formats/index.ts';
import { mlsignError } from '../helpers/keys.ts';
import type { Loose } from './oms-vectors.ts';

const PUBLIC_GOOD = read('public-good.signing-config');
const STAGING = read('staging.signing-config');

function read(name: string): Buffer {
  return readFileSync(new URL(`../../fixtures/sigstore/${name}.json`, import.meta.url));
}

function changed(change: (config: Loose) => void): string {
  const config: Loose = JSON.parse(PUBLIC_GOOD.toString());
  change(config);
  return JSON.stringify(config);
}

function malformed(change: (config: Loose) => void, message: RegExp): void {
  assert.throws(
    () => parseSigningConfig(changed(change), 'sc.json'),
    mlsignError('signing-config-malformed', message, { subject: 'sc.json' }),
  );
}

function trustConfig(change: (config: Loose) => void = () => undefined): string {
  const config = {
    mediaType: 'application/vnd.dev.sigstore.clienttrustconfig.v0.1+json',
    trustedRoot: JSON.parse(read('public-good.trusted-root').toString()),
    signingConfig: JSON.parse(PUBLIC_GOOD.toString()),
  };
  change(config);
  return JSON.stringify(config);
}

describe('parseSigningConfig', () => {
  it('reads the configuration of the public-good instance', () => {
    assert.deepEqual(parseSigningConfig(PUBLIC_GOOD, 'sc.json'), {
      caUrls: [service('https://fulcio.sigstore.dev', 1, '2022-04-13T20:06:15Z')],
      oidcUrls: [service('https://oauth2.sigstore.dev/auth', 1, '2022-04-13T20:06:15Z')],
      rekorTlogUrls: [service('https://rekor.sigstore.dev', 1, '2021-01-12T11:53:27Z')],
      rekorTlogConfig: { kind: 'any' },
      tsaUrls: [service('https://timestamp.sigstore.dev/api/v1/timestamp', 1, '2025-07-04T00:00:00Z')],
      tsaConfig: { kind: 'any' },
    });
  });

  it('reads that of the staging instance, with services of the past', () => {
    const { rekorTlogUrls } = parseSigningConfig(STAGING, 'sc.json');
    assert.deepEqual(
      rekorTlogUrls.map(({ majorApiVersion, validFor }) => [majorApiVersion, validFor.end?.toISOString()]),
      [
        [2, undefined],
        [2, '2025-09-22T11:00:00.000Z'],
        [2, '2025-08-20T07:24:08.000Z'],
        [1, undefined],
      ],
    );
  });

  it('reads each selector, and what may be left out', () => {
    const selectors = (config: Loose) =>
      parseSigningConfig(
        changed((c) => Object.assign(c, config)),
        'sc.json',
      );
    assert.deepEqual(selectors({ tsaConfig: { selector: 'ALL' } }).tsaConfig, { kind: 'all' });
    assert.deepEqual(selectors({ tsaConfig: { selector: 'EXACT', count: 2 } }).tsaConfig, { kind: 'exact', count: 2 });
    assert.deepEqual(parseSigningConfig('{"mediaType":"application/vnd.dev.sigstore.signingconfig.v0.2+json"}', 'sc.json'), {
      caUrls: [],
      oidcUrls: [],
      rekorTlogUrls: [],
      rekorTlogConfig: undefined,
      tsaUrls: [],
      tsaConfig: undefined,
    });
    assert.deepEqual(
      parseSigningConfig(
        changed((c) => (c.caUrls = [{ url: 'http://127.0.0.1:1/ca' }])),
        'sc.json',
      ).caUrls,
      [{ url: 'http://127.0.0.1:1/ca', majorApiVersion: 0, validFor: { start: undefined, end: undefined }, operator: '' }],
    );
  });

  it('refuses wrong and unknown fields, naming each', () => {
    malformed((c) => delete c.mediaType, /mediaType: expected "application\/vnd\.dev\.sigstore\.signingconfig\.v0\.2\+json", got nothing/);
    malformed((c) => (c.mediaType = 'application/vnd.dev.sigstore.signingconfig.v0.1+json'), /mediaType: /);
    malformed((c) => (c.tsaURLs = []), /tsaURLs: expected no such field/);
    malformed((c) => (c.caUrls = ['https://x']), /caUrls\[0\]: expected an object, got "https:\/\/x"/);
    malformed((c) => (c.caUrls = Array(257).fill({})), /caUrls: expected 0 to 256 entries/);
    malformed((c) => delete c.caUrls[0].url, /caUrls\[0\]\.url: expected a non-empty string/);
    for (const url of [
      'file:///etc/passwd',
      'fulcio.sigstore.dev',
      'https://',
      'https://user:secret@x',
      'https://user@x',
      'https://:secret@x',
      'javascript:alert(1)',
    ]) {
      malformed((c) => (c.caUrls[0].url = url), /caUrls\[0\]\.url: expected an http or https URL without credentials/);
    }
    malformed((c) => (c.caUrls[0].majorApiVersion = 1.5), /majorApiVersion: expected an integer from 0 to 1000, got 1\.5/);
    malformed((c) => (c.caUrls[0].operator = 1), /operator: expected a non-empty string, got 1/);
    malformed((c) => (c.caUrls[0].validFor.start = 'now'), /caUrls\[0\]\.validFor\.start: expected a time/);
    malformed((c) => (c.caUrls[0].priority = 1), /caUrls\[0\]\.priority: expected no such field/);
    malformed((c) => (c.tsaConfig = { selector: 'SOME' }), /tsaConfig\.selector: expected "ALL" or "ANY" or "EXACT", got "SOME"/);
    malformed((c) => (c.tsaConfig = { selector: 'EXACT' }), /tsaConfig\.count: expected a number, got nothing/);
    malformed((c) => (c.tsaConfig = { selector: 'EXACT', count: 0 }), /tsaConfig\.count: expected an integer from 1 to 256, got 0/);
    malformed((c) => (c.tsaConfig.min = 1), /tsaConfig\.min: expected no such field/);
    malformed((c) => (c.tsaConfig = []), /tsaConfig: expected an object/);
  });

  it('refuses a configuration that is cut off anywhere', () => {
    const whole = PUBLIC_GOOD.toString().trimEnd();
    for (let length = 0; length < whole.length; length++) {
      assert.throws(() => parseSigningConfig(whole.slice(0, length), 'sc.json'), mlsignError('json-invalid', /not JSON/), `${length}`);
    }
  });
});

describe('parseClientTrustConfig', () => {
  it('reads a trusted root and a signing configuration', () => {
    const { trustedRoot, signingConfig } = parseClientTrustConfig(trustConfig(), 'tc.json');
    assert.equal(trustedRoot.tlogs.length, 2);
    assert.equal(signingConfig.caUrls[0]?.url, 'https://fulcio.sigstore.dev');
  });

  it('refuses wrong and unknown fields of either, naming each', () => {
    const bad = (change: (config: Loose) => void, message: RegExp): void =>
      assert.throws(() => parseClientTrustConfig(trustConfig(change), 'tc.json'), mlsignError('trust-config-malformed', message));
    bad((c) => delete c.mediaType, /mediaType: expected "application\/vnd\.dev\.sigstore\.clienttrustconfig\.v0\.1\+json"/);
    bad((c) => delete c.trustedRoot, /trustedRoot: expected an object, got nothing/);
    bad((c) => delete c.signingConfig, /signingConfig: expected an object, got nothing/);
    bad((c) => (c.trustedRoot.tlogs[0].logId.keyId = ''), /trustedRoot\.tlogs\[0\]\.logId\.keyId: expected a non-empty string/);
    bad((c) => (c.signingConfig.caUrls[0].url = ''), /signingConfig\.caUrls\[0\]\.url: expected a non-empty string/);
    bad((c) => (c.more = 1), /more: expected no such field/);
  });
});

function service(url: string, majorApiVersion: number, start: string): object {
  return { url, majorApiVersion, validFor: { start: new Date(start), end: undefined }, operator: 'sigstore.dev' };
}

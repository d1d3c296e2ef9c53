/**
 * Opens a bundle in a process of its own and prints the packages that this has loaded, as a JSON list:
 * `node loaded-packages.ts BUNDLE PUBLIC_KEY`, or `node loaded-packages.ts BUNDLE IDENTITY ISSUER`.
 */
import { readFileSync } from 'node:fs';
import { registerHooks } from 'node:module';

const packages = new Set<string>();
registerHooks({
  load(url, context, next) {
    const name = /\/node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(url)?.[1];
    if (name !== undefined) packages.add(name);
    return next(url, context);
  },
});

const { policyFromFlags } = await import('../../src/policy/index.ts');
const { instanceTrustedRoot, verifyEnvelope } = await import('../../src/verify/index.ts');
const { parseBundle } = await import('../../src/formats/index.ts');

const [file = '', trusted = '', issuer] = process.argv.slice(2);
const { principals } = policyFromFlags(
  issuer === undefined
    ? { trustKeys: [{ pem: readFileSync(trusted), where: trusted }] }
    : { identities: [{ identity: trusted, issuer, where: trusted }] },
);
const now = new Date();
const { matches, findings } = await verifyEnvelope(parseBundle(readFileSync(file), file), file, 'dsse', principals, {
  now,
  trustedRoot: () => instanceTrustedRoot({ instance: 'public-good', offline: true, cacheDirectory: '', now }),
});
process.stdout.write(JSON.stringify({ matches: matches.length, findings, packages: [...packages].sort() }));

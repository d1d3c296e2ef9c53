import type { LocatedRelease } from '../app/index.ts';
import { findingLine, worstFirst } from './findings.ts';

/** What `mlsign locate --json` prints: `schemas/locate.schema.json`. */
export function locateDocument({ verdict, url, policy, prefix, object, release, channel, checks, findings }: LocatedRelease): object {
  return {
    type: 'https://mlsign/locate/v1',
    verdict,
    url,
    policy: { source: policy.source, ...(policy.digest === undefined ? {} : { sha256: policy.digest }), rule: policy.rule },
    ...(prefix === undefined ? {} : { prefix }),
    ...(object === undefined ? {} : { object }),
    ...(release === undefined ? {} : { release: { number: release.number, sha256: release.digest, model_id: release.modelId } }),
    ...(channel === undefined
      ? {}
      : { channel: { name: channel.name, sequence: channel.sequence, expires: channel.expires.toISOString() } }),
    checks,
    findings,
  };
}

/** The location alone, on one line, for `$(…)`; nothing where there is none. */
export function locateText({ prefix, object = prefix }: LocatedRelease): string {
  return object === undefined ? '' : `${object}\n`;
}

/** Why there is no location, in one line. */
export function locateLine({ verdict, findings }: LocatedRelease): string {
  const [worst] = worstFirst(findings);
  return worst === undefined
    ? verdict
    : `${verdict}: ${findingLine(worst)}${worst.suggestion === undefined ? '' : `; ${worst.suggestion}`}`;
}

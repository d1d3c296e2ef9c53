import { usage } from '../core/index.ts';

/** How a user names a KMS key. */
export interface KmsKeyReference {
  /** As it was given. */
  readonly text: string;
  /** What KMS is asked for: a key id, `alias/…`, or an ARN of either. */
  readonly keyId: string;
  readonly kind: 'id' | 'arn' | 'alias' | 'alias-arn';
  /** The region of an ARN, or the one that a URI names. */
  readonly region?: string | undefined;
  /** The endpoint that a URI names. */
  readonly endpoint?: string | undefined;
}

const ID = '[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}|mrk-[0-9a-f]{32}';
const ALIAS = 'alias/[A-Za-z0-9/_-]{1,250}';
const KEY_ID = new RegExp(`^(?:${ID})$`);
const ALIAS_NAME = new RegExp(`^${ALIAS}$`);
const ARN = new RegExp(`^arn:aws(?:-[a-z]+)*:kms:([a-z0-9-]{1,32}):(\\d{12}):(?:key/(?:${ID})|(${ALIAS}))$`);
const ENDPOINT = /^[A-Za-z0-9.-]+(?::\d{1,5})?$/;
const REGION = /^[a-z0-9-]{1,32}$/;

/**
 * Reads the name of a KMS key: an id, an ARN, an alias, the ARN of an alias, or one of them in a URI
 * (`awskms://[ENDPOINT]/KEY` as cosign writes it, with `?region=R` as Go CDK does).
 *
 * @throws MlsignError `kms-key-malformed`
 */
export function parseKmsKey(text: string): KmsKeyReference {
  const reference = text.startsWith('awskms:') ? parseUri(text) : parseName(text, text);
  if (reference !== undefined) return reference;
  throw usage('kms-key-malformed', 'this is not the name of a KMS key', {
    subject: text,
    expected: 'a key id, an ARN, alias/NAME, the ARN of an alias, or awskms:///KEY',
    suggestions: ['mlsign keys list'],
  });
}

/**
 * Reads the ARN of a KMS key, which alone names one key for ever: an alias can be pointed elsewhere, and an id means
 * another key in another account or region.
 *
 * @throws MlsignError `kms-arn-needed`
 */
export function parseKmsArn(text: string): KmsKeyReference {
  const reference = parseName(text, text);
  if (reference?.kind === 'arn') return reference;
  throw usage('kms-arn-needed', 'a KMS key is trusted by its ARN alone', {
    subject: text,
    expected: 'arn:aws:kms:REGION:ACCOUNT:key/ID',
    suggestions: ['mlsign keys list shows the ARN of each alias'],
  });
}

/** Whether a name is one that an alias may be given: `alias/NAME`, outside of the names that AWS keeps for itself. */
export function isAliasName(text: string): boolean {
  return ALIAS_NAME.test(text) && !text.startsWith('alias/aws/');
}

/** The region and the account of the ARN of a key; undefined where it is none. */
export function readKeyArn(arn: string): { readonly region: string; readonly account: string } | undefined {
  const [, region, account, alias] = ARN.exec(arn) ?? [];
  return region === undefined || account === undefined || alias !== undefined ? undefined : { region, account };
}

/** Whether the key that KMS used can be the one that was named. An alias may stand for any key of its account and region. */
export function isNamed({ kind, keyId }: KmsKeyReference, arn: string): boolean {
  const used = readKeyArn(arn);
  if (used === undefined) return false;
  switch (kind) {
    case 'arn':
      return arn === keyId;
    case 'id':
      return arn.endsWith(`:key/${keyId}`);
    case 'alias':
      return true;
    case 'alias-arn':
      return keyId.startsWith(arn.slice(0, arn.indexOf(':key/') + 1));
  }
}

function parseName(name: string, text: string): KmsKeyReference | undefined {
  if (KEY_ID.test(name)) return { text, keyId: name, kind: 'id' };
  if (ALIAS_NAME.test(name)) return { text, keyId: name, kind: 'alias' };
  const [arn, region, , alias] = ARN.exec(name) ?? [];
  return arn === undefined ? undefined : { text, keyId: arn, kind: alias === undefined ? 'arn' : 'alias-arn', region };
}

function parseUri(text: string): KmsKeyReference | undefined {
  const [, place, query] = /^awskms:\/\/([^?#]*)(?:\?region=([^&#]*))?$/.exec(text) ?? [];
  if (place === undefined || (query !== undefined && !REGION.test(query))) return undefined;
  const slash = place.indexOf('/');
  const host = place.slice(0, Math.max(slash, 0));
  // Go CDK leaves out the third slash: awskms://alias/NAME.
  const reference = parseName(place, text) ?? (slash < 0 ? undefined : parseName(place.slice(slash + 1), text));
  if (reference === undefined || (query !== undefined && reference.region !== undefined && reference.region !== query)) return undefined;
  const isBare = reference.keyId === place || host === '';
  if (!isBare && !ENDPOINT.test(host)) return undefined;
  return { ...reference, region: reference.region ?? query, ...(isBare ? {} : { endpoint: `https://${host}` }) };
}

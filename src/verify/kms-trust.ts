import { checkAlgorithm, getPublicKey, type KmsClient, type KmsKeyReference, type KmsPublicKey, parseKmsArn } from '../aws/index.ts';
import { refused } from '../core/index.ts';
import { parseTrustedPem, publicKeyHint, type SchemeName, schemeForKmsKey } from '../formats/index.ts';
import type { KeyTrust } from '../policy/index.ts';

/**
 * Trust in KMS keys by their ARNs. Each key is asked for once (GetPublicKey), however many rules name it.
 *
 * @example
 * const kms = new KmsTrust(({ region }) => new KmsClient({ region, refuseConfiguredEndpoint: true }));
 * const trust = await kms.trust('arn:aws:kms:eu-central-1:111122223333:key/…');
 */
export class KmsTrust {
  readonly #connect: (key: KmsKeyReference) => KmsClient;
  readonly #keys = new Map<string, Promise<KmsPublicKey>>();

  /** @param connect gives the client for the region of a key, whose endpoint is that of AWS or one that the user asked for by name */
  constructor(connect: (key: KmsKeyReference) => KmsClient) {
    this.#connect = connect;
  }

  /**
   * Trust in one key.
   *
   * @param scheme the one scheme that the key is used with; the default of its kind unless given
   * @throws MlsignError `kms-arn-needed` for an id or an alias, `kms-other-key`, `kms-key-…`, `aws-…`, `key-unsupported`, `scheme-mismatch`
   */
  async trust(arn: string, scheme?: SchemeName, signal?: AbortSignal): Promise<KeyTrust> {
    const answer = await this.#key(parseKmsArn(arn), signal);
    const trusted = parseTrustedPem(answer.pem, arn);
    if (trusted.kind !== 'key') throw refused('key-malformed', 'the public key cannot be read', { subject: arn });
    const { key } = trusted;
    const used = schemeForKmsKey(key, arn, scheme);
    checkAlgorithm(answer, used);
    return { kind: 'key', key, scheme: used, hint: publicKeyHint(key), where: arn };
  }

  #key(key: KmsKeyReference, signal: AbortSignal | undefined): Promise<KmsPublicKey> {
    const known = this.#keys.get(key.keyId);
    if (known !== undefined) return known;
    const asked = getPublicKey(this.#connect(key), key, signal);
    this.#keys.set(key.keyId, asked);
    return asked;
  }
}

import { refused } from '../core/index.ts';
import { KMS_ALGORITHMS, KMS_SPECS, type KmsAlgorithmName, type KmsMessageType, type KmsScheme, type KmsSpec } from './algorithms.ts';
import { bytesOf, listOf, optionalTextOf, textOf } from './answer.ts';
import type { KmsClient } from './kms-client.ts';
import { isNamed, type KmsKeyReference } from './kms-key.ts';

/** The public half of a KMS signing key, as KMS gives it. */
export interface KmsPublicKey {
  readonly arn: string;
  readonly spec: KmsSpec;
  /** SPKI, PEM. */
  readonly pem: string;
  /** The signing algorithms that KMS lists for it. */
  readonly algorithms: readonly string[];
}

/**
 * Asks for the public key of a signing key (GetPublicKey).
 *
 * @throws MlsignError `kms-other-key` where the answer is about another key, `kms-key-usage`, `kms-key-spec`, and what {@link KmsClient.call} throws
 */
export async function getPublicKey(client: KmsClient, key: KmsKeyReference, signal?: AbortSignal): Promise<KmsPublicKey> {
  const answer = await client.call(
    { action: 'kms:GetPublicKey', subject: key.text, withoutPermission: 'or pin the public key in a file, and nothing is asked' },
    async (kms, sdk, abortSignal) => {
      const { KeyId, PublicKey, KeySpec, KeyUsage, SigningAlgorithms } = await kms.send(new sdk.GetPublicKeyCommand({ KeyId: key.keyId }), {
        abortSignal,
      });
      return {
        arn: textOf(KeyId),
        pem: spkiPem(bytesOf(PublicKey)),
        keySpec: optionalTextOf(KeySpec),
        usage: optionalTextOf(KeyUsage),
        algorithms: listOf(SigningAlgorithms ?? [], textOf),
      };
    },
    { signal },
  );
  const { pem, keySpec, usage, algorithms } = answer;
  const arn = checkKey(key, answer.arn);
  if (usage !== 'SIGN_VERIFY') {
    throw refused('kms-key-usage', 'the KMS key is not for signing', {
      subject: key.text,
      expected: 'a key with the usage SIGN_VERIFY',
      got: usage ?? 'no usage',
      suggestions: ['mlsign keys create --spec ECC_NIST_P256 --alias alias/NAME'],
    });
  }
  const spec = KMS_SPECS.find((known) => known === keySpec);
  if (spec === undefined) {
    throw refused('kms-key-spec', 'models are not signed with a KMS key of this spec', {
      subject: key.text,
      expected: KMS_SPECS.join(', '),
      got: keySpec ?? 'no spec',
    });
  }
  return { arn, spec, pem, algorithms };
}

/**
 * Makes sure that KMS lists the algorithm that a scheme needs among those of the key.
 *
 * @throws MlsignError `kms-key-spec`
 */
export function checkAlgorithm({ arn, algorithms }: KmsPublicKey, scheme: KmsScheme): void {
  const { algorithm } = KMS_ALGORITHMS[scheme];
  if (algorithms.includes(algorithm)) return;
  throw refused('kms-key-spec', 'the KMS key does not sign by the algorithm that it is meant for', {
    subject: arn,
    expected: algorithm,
    got: algorithms.join(', '),
  });
}

/** What KMS is asked to sign, and how. */
export interface KmsSignRequest {
  readonly message: Uint8Array;
  readonly messageType: KmsMessageType;
  readonly algorithm: KmsAlgorithmName;
  /** The ARN of the key that must sign; any that the reference may stand for without it. */
  readonly arn?: string | undefined;
}

/**
 * Has a key sign (Sign): one call.
 *
 * @returns the signature; ECDSA in DER
 * @throws MlsignError `kms-other-key` where another key signed, and what {@link KmsClient.call} throws
 */
export async function sign(client: KmsClient, key: KmsKeyReference, request: KmsSignRequest, signal?: AbortSignal): Promise<Uint8Array> {
  const { message: Message, messageType: MessageType, algorithm: SigningAlgorithm, arn } = request;
  const answer = await client.call(
    { action: 'kms:Sign', subject: key.text },
    async (kms, sdk, abortSignal) => {
      const command = new sdk.SignCommand({ KeyId: key.keyId, Message, MessageType, SigningAlgorithm });
      const { KeyId, Signature } = await kms.send(command, { abortSignal });
      return { arn: textOf(KeyId), signature: bytesOf(Signature) };
    },
    { signal },
  );
  checkKey(key, answer.arn, arn);
  return answer.signature;
}

function checkKey(key: KmsKeyReference, used: string, arn?: string): string {
  if (isNamed(key, used) && (arn === undefined || arn === used)) return used;
  throw refused('kms-other-key', 'the answer is about another key than the one that was named', {
    subject: key.text,
    expected: arn ?? key.keyId,
    got: used,
    suggestions: ['name the key by its ARN: an alias may have been pointed at another key meanwhile'],
  });
}

function spkiPem(der: Uint8Array): string {
  const lines =
    Buffer.from(der)
      .toString('base64')
      .match(/.{1,64}/g) ?? [];
  return `-----BEGIN PUBLIC KEY-----\n${lines.join('\n')}\n-----END PUBLIC KEY-----\n`;
}

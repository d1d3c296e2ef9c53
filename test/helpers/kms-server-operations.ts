import { createPublicKey, type KeyObject, randomUUID } from 'node:crypto';
import { Decoder, decodeBase64, type Fields, parseJson } from '../../src/core/index.ts';
import { KmsRefusal, makeKey, SPECS, signAs } from './kms-server-keys.ts';
import type { AwsPrincipal } from './sigv4.ts';
import { Violation } from './violation.ts';

/** A key of the server. */
export interface ServerKey {
  readonly id: string;
  readonly arn: string;
  readonly spec: string;
  readonly usage: string;
  readonly description: string;
  readonly tags: ReadonlyMap<string, string>;
  readonly created: Date;
  /** Undefined for a symmetric key. */
  readonly privateKey: KeyObject | undefined;
  state: 'Enabled' | 'Disabled' | 'PendingDeletion';
  /** The key policy, where it is not the default. */
  policy: readonly PolicyStatement[] | undefined;
}

interface PolicyStatement {
  readonly principals: readonly string[];
  readonly actions: readonly string[];
}

export interface KmsPlace {
  readonly region: string;
  readonly account: string;
  readonly clock: () => Date;
}

type Answer = Readonly<Record<string, unknown>>;

const OPERATIONS = [
  'CreateAlias',
  'CreateKey',
  'DescribeKey',
  'DisableKey',
  'GetPublicKey',
  'ListAliases',
  'ListKeys',
  'PutKeyPolicy',
  'ScheduleKeyDeletion',
  'Sign',
  'TagResource',
] as const;
export type KmsOperation = (typeof OPERATIONS)[number];

/** The keys and aliases of one account and region, and what KMS does with them. */
export class KmsAccount {
  readonly keys = new Map<string, ServerKey>();
  readonly aliases = new Map<string, string>();
  readonly #place: KmsPlace;

  constructor(place: KmsPlace) {
    this.#place = place;
  }

  /** Does what a request asks, for someone whose signature was checked. */
  perform(operation: string, body: Uint8Array, principal: AwsPrincipal): Answer {
    const known = OPERATIONS.find((name) => name === operation);
    if (known === undefined) throw new Violation(`no operation ${operation}`);
    const decoder = new Decoder();
    const fields = decoder.object(parseJson(body, operation), '');
    const run = this.#prepare(known, fields, principal);
    fields.done();
    if (decoder.problems.length > 0) throw new Violation(`${operation}: ${JSON.stringify(decoder.problems)}`);
    return run();
  }

  /** Makes a key without a request. */
  addKey(
    spec: string,
    usage = SPECS[spec]?.usages[0] ?? '',
    { description = '', tags = new Map() }: { readonly description?: string; readonly tags?: ReadonlyMap<string, string> } = {},
  ): ServerKey {
    if (!SPECS[spec]?.usages.includes(usage)) throw invalid(`KeyUsage ${usage} is not compatible with KeySpec ${spec}`);
    const id = randomUUID();
    const { region, account, clock } = this.#place;
    const arn = `arn:aws:kms:${region}:${account}:key/${id}`;
    const key = { id, arn, spec, usage, description, tags, created: clock(), privateKey: makeKey(spec) };
    const stored: ServerKey = { ...key, state: 'Enabled', policy: undefined };
    this.keys.set(id, stored);
    return stored;
  }

  /** Reads the fields of a request; what it returns does what was asked, once every field is known to be right. */
  #prepare(operation: KmsOperation, fields: Fields, principal: AwsPrincipal): () => Answer {
    const may = (key: ServerKey | undefined) => this.#authorize(principal, `kms:${operation}`, key);
    const keyOf = (): (() => ServerKey) => {
      const name = fields.string('KeyId');
      return () => {
        const key = this.#find(name);
        may(key);
        return key;
      };
    };
    switch (operation) {
      case 'CreateKey': {
        const spec = fields.has('KeySpec') ? fields.string('KeySpec') : 'SYMMETRIC_DEFAULT';
        const usage = fields.has('KeyUsage') ? fields.string('KeyUsage') : 'ENCRYPT_DECRYPT';
        const description = fields.has('Description') ? text(fields.raw('Description')) : '';
        const tags = fields.has('Tags') ? readTags(fields) : new Map<string, string>();
        return () => {
          may(undefined);
          if (tags.size > 0) this.#authorize(principal, 'kms:TagResource', undefined);
          return { KeyMetadata: this.#describe(this.addKey(spec, usage, { description, tags })) };
        };
      }
      case 'DescribeKey': {
        const key = keyOf();
        return () => ({ KeyMetadata: this.#describe(key()) });
      }
      case 'GetPublicKey': {
        const key = keyOf();
        return () => publicKeyAnswer(usable(key()));
      }
      case 'Sign': {
        const key = keyOf();
        const message = bytes(fields.raw('Message'));
        const messageType = fields.has('MessageType') ? fields.oneOf('MessageType', ['RAW', 'DIGEST', 'EXTERNAL_MU']) : 'RAW';
        const algorithm = fields.string('SigningAlgorithm');
        return () => signAnswer(usable(key()), algorithm, messageType, message);
      }
      case 'ListKeys': {
        const page = readPage(fields, 1000);
        return () => {
          may(undefined);
          const { items, ...rest } = page([...this.keys.values()]);
          return { Keys: items.map(({ id, arn }) => ({ KeyId: id, KeyArn: arn })), ...rest };
        };
      }
      case 'ListAliases': {
        const page = readPage(fields, 100);
        return () => {
          may(undefined);
          // AWS keeps names for keys that do not exist yet.
          const { items, ...rest } = page([['alias/aws/ebs', undefined] as const, ...this.aliases]);
          const { region, account } = this.#place;
          const Aliases = items.map(([AliasName, TargetKeyId]) => ({
            AliasName,
            AliasArn: `arn:aws:kms:${region}:${account}:${AliasName}`,
            ...(TargetKeyId === undefined ? {} : { TargetKeyId }),
          }));
          return { Aliases, ...rest };
        };
      }
      case 'CreateAlias': {
        const name = fields.string('AliasName');
        const target = fields.string('TargetKeyId');
        return () => {
          const key = this.#find(target);
          may(key);
          if (!/^alias\/[A-Za-z0-9/_-]+$/.test(name) || name.startsWith('alias/aws/')) {
            throw new KmsRefusal('InvalidAliasNameException', `Alias names must be of the form alias/...: ${name}`);
          }
          if (this.aliases.has(name)) throw new KmsRefusal('AlreadyExistsException', `An alias with the name ${name} already exists`);
          this.aliases.set(name, key.id);
          return {};
        };
      }
      case 'PutKeyPolicy': {
        const key = keyOf();
        const policy = fields.string('Policy');
        return () => {
          key().policy = readPolicy(policy);
          return {};
        };
      }
      case 'TagResource': {
        const key = keyOf();
        const tags = readTags(fields);
        return () => {
          const { id } = key();
          const found = this.keys.get(id);
          if (found !== undefined) this.keys.set(id, { ...found, tags: new Map([...found.tags, ...tags]) });
          return {};
        };
      }
      case 'DisableKey': {
        const key = keyOf();
        return () => {
          key().state = 'Disabled';
          return {};
        };
      }
      case 'ScheduleKeyDeletion': {
        const key = keyOf();
        const days = fields.integer('PendingWindowInDays', 7, 30);
        return () => {
          const found = key();
          found.state = 'PendingDeletion';
          return { KeyId: found.arn, KeyState: 'PendingDeletion', PendingWindowInDays: days };
        };
      }
    }
  }

  #find(name: string): ServerKey {
    const { region, account } = this.#place;
    const prefix = `arn:aws:kms:${region}:${account}:`;
    const local = name.startsWith(prefix) ? name.slice(prefix.length) : name.startsWith('arn:') ? undefined : name;
    const alias = local?.startsWith('alias/') ? this.aliases.get(local) : undefined;
    if (local?.startsWith('alias/') && alias === undefined) {
      throw new KmsRefusal('NotFoundException', `Alias ${prefix}${local} is not found.`);
    }
    const key = this.keys.get(alias ?? local?.replace(/^key\//, '') ?? '');
    if (key === undefined) {
      throw new KmsRefusal('NotFoundException', `Key '${name.startsWith('arn:') ? name : `${prefix}key/${name}`}' does not exist`);
    }
    return key;
  }

  /** A key's own policy names who may; the default one leaves it to IAM. */
  #authorize(principal: AwsPrincipal, action: string, key: ServerKey | undefined): void {
    const root = `arn:aws:iam::${this.#place.account}:root`;
    const granted = (who: string) =>
      key?.policy?.some(({ principals, actions }) => principals.includes(who) && covers(actions, action)) ?? false;
    const byIam = covers(principal.allow, action) && (key?.policy === undefined || granted(root));
    const isDenied = covers(principal.deny ?? [], action);
    if (!isDenied && (byIam || granted(principal.arn))) return;
    const why = isDenied
      ? 'with an explicit deny in a service control policy'
      : `because no identity-based policy allows the ${action} action`;
    throw new KmsRefusal(
      'AccessDeniedException',
      `User: ${principal.arn} is not authorized to perform: ${action} on resource: ${key?.arn ?? '*'} ${why}`,
    );
  }

  #describe({ id, arn, spec, usage, description, created, state }: ServerKey): Answer {
    return {
      AWSAccountId: this.#place.account,
      KeyId: id,
      Arn: arn,
      CreationDate: created.getTime() / 1000,
      Enabled: state === 'Enabled',
      Description: description,
      KeyUsage: usage,
      KeyState: state,
      Origin: 'AWS_KMS',
      KeyManager: 'CUSTOMER',
      CustomerMasterKeySpec: spec,
      KeySpec: spec,
      ...(usage === 'SIGN_VERIFY' ? { SigningAlgorithms: SPECS[spec]?.algorithms } : {}),
      MultiRegion: false,
    };
  }
}

function covers(actions: readonly string[], action: string): boolean {
  return actions.includes('kms:*') || actions.includes(action);
}

function usable(key: ServerKey): ServerKey {
  if (key.state === 'Disabled') throw new KmsRefusal('DisabledException', `${key.arn} is disabled.`);
  if (key.state === 'PendingDeletion') throw new KmsRefusal('KMSInvalidStateException', `${key.arn} is pending deletion.`);
  return key;
}

function publicKeyAnswer({ arn, spec, usage, privateKey }: ServerKey): Answer {
  if (privateKey === undefined) throw new KmsRefusal('UnsupportedOperationException', '');
  return {
    KeyId: arn,
    PublicKey: createPublicKey(privateKey).export({ type: 'spki', format: 'der' }).toString('base64'),
    CustomerMasterKeySpec: spec,
    KeySpec: spec,
    KeyUsage: usage,
    ...(usage === 'SIGN_VERIFY' ? { SigningAlgorithms: SPECS[spec]?.algorithms } : {}),
  };
}

function signAnswer({ arn, spec, usage, privateKey }: ServerKey, algorithm: string, messageType: string, message: Buffer): Answer {
  const constraint = "1 validation error detected: Value at 'message' failed to satisfy constraint: Member must have length";
  if (message.length === 0) throw invalid(`${constraint} greater than or equal to 1`);
  if (message.length > 4096) throw invalid(`${constraint} less than or equal to 4096`);
  if (usage !== 'SIGN_VERIFY' || privateKey === undefined) {
    throw new KmsRefusal('InvalidKeyUsageException', `${arn} key usage is ${usage} which is not valid for Sign.`);
  }
  if (!SPECS[spec]?.algorithms.includes(algorithm)) {
    throw new KmsRefusal('InvalidKeyUsageException', `Algorithm ${algorithm} is incompatible with key spec ${spec}.`);
  }
  return { KeyId: arn, Signature: signAs(privateKey, algorithm, messageType, message).toString('base64'), SigningAlgorithm: algorithm };
}

function readPage(fields: Fields, max: number) {
  const limit = fields.has('Limit') ? fields.integer('Limit', 1, max) : Math.min(max, 100);
  const marker = fields.has('Marker') ? fields.string('Marker', /^page-\d+$/) : 'page-0';
  return <T>(all: readonly T[]) => {
    const start = Number(marker.slice('page-'.length));
    const end = start + limit;
    const isCut = end < all.length;
    return { items: all.slice(start, end), Truncated: isCut, ...(isCut ? { NextMarker: `page-${end}` } : {}) };
  };
}

function readTags(fields: Fields): ReadonlyMap<string, string> {
  const tags = new Map<string, string>();
  for (const entry of fields.array('Tags')) {
    if (typeof entry !== 'object' || entry === null || !('TagKey' in entry) || !('TagValue' in entry)) throw new Violation('a tag');
    if (tags.has(text(entry.TagKey))) throw new KmsRefusal('TagException', 'Duplicate tag keys');
    tags.set(text(entry.TagKey), text(entry.TagValue));
  }
  return tags;
}

/** The statements of a key policy, of the forms that KMS takes: principals must be ARNs. */
function readPolicy(document: string): readonly PolicyStatement[] {
  const malformed = (why: string) => new KmsRefusal('MalformedPolicyDocumentException', why);
  const decoder = new Decoder();
  const fields = decoder.object(parseJson(document, 'policy'), '');
  fields.oneOf('Version', ['2012-10-17']);
  const statements = fields.array('Statement', 1).map((entry, index) => {
    const statement = decoder.object(entry, `Statement[${index}]`);
    statement.string('Sid', /^[A-Za-z0-9]+$/);
    statement.oneOf('Effect', ['Allow']);
    statement.oneOf('Resource', ['*']);
    const principals = texts(statement.object('Principal').raw('AWS'));
    const actions = texts(statement.raw('Action'));
    statement.done();
    if (principals.some((arn) => !/^arn:aws:iam::\d{12}:(root|(role|user)\/[\w+=,.@/-]+)$/.test(arn))) {
      throw malformed('Policy contains a statement with one or more invalid principals.');
    }
    return { principals, actions };
  });
  fields.done();
  if (decoder.problems.length > 0) throw malformed(JSON.stringify(decoder.problems));
  if (!statements.some(({ actions }) => covers(actions, 'kms:PutKeyPolicy'))) {
    throw malformed('The new key policy will not allow you to update the key policy in the future.');
  }
  return statements;
}

function texts(value: unknown): readonly string[] {
  return Array.isArray(value) ? value.map(text) : [text(value)];
}

function text(value: unknown): string {
  if (typeof value !== 'string') throw new Violation('not a string');
  return value;
}

function bytes(value: unknown): Buffer {
  const decoded = decodeBase64(text(value));
  if (decoded === undefined) throw new Violation('not base64');
  return Buffer.from(decoded);
}

function invalid(message: string): KmsRefusal {
  return new KmsRefusal('ValidationException', message);
}
